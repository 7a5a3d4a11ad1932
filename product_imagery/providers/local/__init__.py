"""The engine on the shop's own machine. ``provider`` declares its offers, ``engine`` carries out one operation.

``cutout`` finds the product and ``edges`` refines its outline; ``frame`` places it; ``packshot`` and ``scenes`` paint
what is around it; ``model`` fetches the matting model.
"""
