"""The values that every room shares, the settings, and the errors."""
