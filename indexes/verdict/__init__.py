"""What can be said of an answer and its passages without asking a language model."""
