"""Results: pictures that came back, from the download to the product and the way back."""
