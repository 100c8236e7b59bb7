"""The small language that says where values come from: references, merging, templates."""
