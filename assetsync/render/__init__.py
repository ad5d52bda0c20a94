"""Values to text, JSON and markdown. Nothing here prints, and nothing decides."""
