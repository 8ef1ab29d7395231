"""What each job does. The other packages meet here: one function for each stage, and one wrapper around all of them."""
