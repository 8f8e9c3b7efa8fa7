"""Knowledge bases: built, brought up to date, searched, removed."""
