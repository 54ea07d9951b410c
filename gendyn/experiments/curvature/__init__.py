"""What the curvature of loss and function says while networks train."""
