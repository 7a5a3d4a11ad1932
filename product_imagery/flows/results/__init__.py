"""Results: fetch and record pictures, review, publish and restore them."""
