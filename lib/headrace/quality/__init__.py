"""What must hold before rows are published: rows set aside with the reason, or the batch refused."""
