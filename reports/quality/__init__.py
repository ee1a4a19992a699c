"""What a search is worth, against models that were really fine-tuned."""
