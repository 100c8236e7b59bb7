"""Programs for today's layout, played on ours and on the newest openJiuwen."""
