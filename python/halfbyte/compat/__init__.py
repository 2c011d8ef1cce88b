"""The package under names that other code already imports."""
