"""Networks: building, training and evaluating them."""
