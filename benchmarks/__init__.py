"""What tlstudy costs on the machine at hand, beside a plain loop and the machine's own limits."""
