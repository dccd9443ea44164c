"""The composition root: one running controller, the parts that it connects, and how it starts and stops."""
