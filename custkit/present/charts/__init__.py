"""Charts, named by what they answer. Each draws a small frame on axes and returns them."""
