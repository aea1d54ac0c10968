"""Every row of the catalogue of bad input: its verdict, and the test of it where that stands elsewhere.

ACCEPT takes it as it is; NORMALISE changes how it is written and counts that; NOTE takes it and tells a person; ASIDE sets the row aside
with place, value and reason; LEFT OUT takes it and does not count it, with its money; ASK and ERROR stop and say what would do.
"""

from __future__ import annotations

VERDICTS = {
    "BUS-01": "NOTE", "BUS-02": "ERROR", "BUS-04": "ACCEPT", "BUS-06": "NOTE", "BUS-07": "LEFT OUT", "BUS-08": "ACCEPT", "BUS-10": "ASK",
    "BUS-12": "LEFT OUT", "BUS-13": "ACCEPT", "BUS-14": "ACCEPT", "BUS-15": "LEFT OUT", "BUS-16": "ACCEPT", "BUS-17": "ACCEPT",
    "BUS-19": "NOTE", "BUS-21": "ASIDE", "COL-02": "ERROR", "COL-03": "ACCEPT", "COL-04": "NOTE", "COL-06": "ACCEPT", "COL-07": "ERROR",
    "COL-08": "NOTE", "DAT-02": "ASIDE", "DAT-03": "ASIDE", "DAT-04": "NORMALISE", "DAT-05": "NORMALISE", "DAT-06": "NORMALISE",
    "DAT-07": "ASK", "DAT-09": "ASIDE", "DAT-12": "NOTE", "DAT-13": "ASK", "DAT-14": "ACCEPT", "DAT-16": "ACCEPT", "DAT-17": "ERROR",
    "DAT-18": "NOTE", "DAT-20": "NOTE", "ENC-01": "ASK", "ENC-03": "ERROR", "ENC-05": "ASK", "ENC-07": "ERROR", "ENC-08": "NOTE",
    "ENC-09": "ERROR", "ENC-10": "ASIDE", "ENC-11": "ASIDE", "IDS-01": "ACCEPT", "IDS-04": "ASIDE", "IDS-05": "ACCEPT", "IDS-06": "ACCEPT",
    "IDS-07": "NORMALISE", "IDS-08": "NOTE", "IDS-10": "ACCEPT", "IDS-11": "ACCEPT", "NUL-02": "ACCEPT", "NUL-04": "NORMALISE",
    "NUL-05": "NOTE", "NUM-01": "NORMALISE", "NUM-02": "NORMALISE", "NUM-03": "NORMALISE", "NUM-05": "NORMALISE", "NUM-09": "ASIDE",
    "NUM-10": "ASIDE", "NUM-11": "NOTE", "NUM-12": "NORMALISE", "NUM-13": "ACCEPT", "NUM-14": "ACCEPT", "NUM-15": "NOTE", "NUM-16": "NOTE",
    "PAR-01": "ERROR", "PAR-02": "ERROR", "PAR-04": "ACCEPT", "PRI-01": "ACCEPT", "PRI-02": "LEFT OUT", "PRI-03": "LEFT OUT",
    "PRI-06": "NORMALISE", "RUN-01": "ERROR", "RUN-02": "ERROR", "RUN-03": "ERROR", "RUN-04": "ERROR", "RUN-08": "ERROR", "RUN-09": "ERROR",
    "RUN-11": "ACCEPT", "RUN-12": "ACCEPT", "RUN-13": "ACCEPT", "SEC-03": "ERROR", "SEC-05": "ACCEPT", "SEC-08": "ACCEPT",
    "SEC-09": "NORMALISE", "SEC-10": "NORMALISE", "SEC-11": "NOTE", "SEC-12": "ERROR", "SEC-13": "ERROR", "SEC-14": "ACCEPT",
    "SEC-15": "ACCEPT", "SEC-16": "ACCEPT", "SEC-18": "ACCEPT", "SEC-19": "NORMALISE", "SQL-01": "ACCEPT", "SQL-02": "ACCEPT",
    "SQL-03": "ACCEPT", "SQL-06": "ASIDE", "STR-01": "ASK", "STR-03": "ERROR", "STR-04": "ERROR", "STR-05": "ACCEPT", "STR-06": "ACCEPT",
    "STR-07": "ACCEPT", "STR-09": "ERROR", "STR-11": "ERROR", "STR-12": "ASIDE", "STR-13": "ERROR", "STR-15": "ASIDE", "STR-16": "ASIDE",
    "STR-17": "NOTE", "STR-19": "ERROR", "STR-20": "ERROR", "STR-21": "ERROR", "STR-22": "ERROR", "STR-24": "ACCEPT", "STR-26": "ASIDE",
    "STR-27": "ASIDE", "XLS-01": "ERROR", "XLS-03": "ASK", "XLS-04": "ERROR", "XLS-05": "ASIDE", "XLS-06": "NOTE", "XLS-07": "ASIDE",
    "XLS-09": "ACCEPT", "XLS-11": "ERROR", "XLS-13": "ERROR", "XLS-14": "NOTE", "XLS-15": "ERROR", "XLS-16": "ERROR",
}  # fmt: skip

ELSEWHERE = {
    "BUS-13": "pack/test_second_client.py::test_every_notebook_ends_and_asks_for_what_it_lacks",
    "BUS-15": "worked/test_itemsets.py::test_a_wholesale_order_is_left_out_and_counted",
    "BUS-16": "properties/test_lifetime_properties.py::"
    "test_nothing_is_nan_for_a_hundred_thousand_purchases_or_at_the_edges_of_the_parameters",
    "BUS-17": "properties/test_lifetime_properties.py::test_a_fit_that_proves_nothing_is_refused_with_its_reason",
    "BUS-14": "pack/test_single_item_baskets.py::test_the_page_says_that_nothing_goes_together_and_shows_no_table_of_it",
    "DAT-16": "properties/test_lifetime_properties.py::test_a_young_shop_and_a_client_who_wants_none_get_the_plain_rule_or_nothing",
    "IDS-10": "intake/test_persons.py::test_a_pseudonym_is_a_keyed_hash_of_column_and_value",
    "PRI-02": "pack/test_shared.py::test_who_knows_every_total_works_out_none",
    "PRI-03": "pack/test_upkeep.py::test_one_person_is_erased_everywhere_and_does_not_come_in_again",
    "RUN-04": "pack/test_faults.py::test_a_disk_without_room_is_told_in_a_sentence",
    "RUN-08": "pack/test_run.py::test_many_kinds_of_trouble_are_each_told_apart",
    "RUN-09": "pack/test_run.py::test_a_cell_that_hangs_is_ended_and_named_and_the_others_come_out",
    "RUN-11": "house/test_house.py::test_no_module_prints_or_reads_the_clock",
    "SEC-03": "pack/test_run.py::test_parameters_are_plain_values",
    "SEC-08": "pack/test_chart_names.py::test_a_notebook_draws_every_text_as_it_is",
    "SEC-09": "pack/test_lists.py::test_nothing_a_customer_typed_is_a_formula_or_a_link",
    "SEC-10": "pack/test_lists.py::test_nothing_a_customer_typed_is_a_formula_or_a_link",
    "SEC-11": "pack/test_lists.py::test_a_text_longer_than_a_cell_is_cut_with_a_mark_and_counted",
    "SEC-14": "pack/test_canaries.py::test_a_failed_run_holds_none_either",
    "SEC-15": "pack/test_swapped_caches.py::test_a_cache_swapped_for_a_hostile_pickle_is_never_run",
    "SEC-18": "pack/test_browser.py::test_a_pack_asks_for_nothing_says_nothing_and_fits",
    "SEC-19": "pack/test_aside.py::test_what_was_set_aside_is_written_for_its_owner_as_text",
    "SQL-01": "engines/test_database.py::test_numeric_columns_arrive_to_the_last_digit",
    "SQL-02": "engines/test_database.py::test_ids_are_not_counted_in_floats_where_some_are_missing",
    "SQL-03": "engines/test_database.py::test_tables_copied_while_the_shop_sells_are_of_one_instant",
    "SQL-06": "engines/test_database.py::test_enums_bits_and_dates_that_are_none_are_typed_or_set_aside",
}
