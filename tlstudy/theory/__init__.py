"""Proposition 3 of Lippl & Lindsey, and experiments on small networks with known optima."""
