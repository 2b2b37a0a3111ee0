"""The stored report in other shapes."""
