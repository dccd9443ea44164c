"""What each web application of ours stands on: who may connect, from where a request comes, in which language."""
