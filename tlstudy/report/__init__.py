"""What a reader sees: figures, sentences, and one HTML file that needs no network."""
