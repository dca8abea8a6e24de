"""What people look at: facts, figures and the report."""
