"""The commands of `tlstudy`; heavy imports are inside them, so that help need not wait."""
