"""What the model folders say of themselves, and which model suits which image."""
