"""What each job does: the one place where the other packages meet. Each function here is a stage."""
