"""What can be measured on a trained network, one module a measurement."""
