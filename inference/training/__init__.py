"""How the ladder of compute is made: questions, training, merging, and what each rung scores."""
