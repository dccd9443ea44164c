"""The composition root: one running controller, what it joins, and how it starts and stops."""
