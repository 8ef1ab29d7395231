"""Tables as contracts: read as of an instant, published a range of days at a time, each day with its publish id."""
