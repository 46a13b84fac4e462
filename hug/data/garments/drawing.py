"""`draw`: the picture of any specification, by the renderer that its version of the data uses."""

from hug.data.garments import outline, render, styled
from hug.data.garments.attributes import Spec
from hug.data.garments.render import Rendered


def draw(spec: Spec) -> Rendered:
    """The picture and its regions: of garments-0 and -1 at 160 pixels, of garments-2 at 320, of outline-1 at 256.

    Raises ValueError for a renderer that there is not.
    """
    if spec.renderer == "outline":
        return outline.render(spec)
    if spec.renderer is not None:
        raise ValueError(f"unknown renderer {spec.renderer!r}; this version of hug has 'outline'")
    return render.render(spec) if spec.look is None else styled.render(spec)
