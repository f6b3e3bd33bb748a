"""What a package is: fields, facts, and the pure rules that combine them."""
