"""`draw`: the picture of any specification, by the renderer that its version of the data uses."""

from hug.data.garments import render, styled
from hug.data.garments.attributes import Spec
from hug.data.garments.render import Rendered


def draw(spec: Spec) -> Rendered:
    """The picture and its regions: of garments-0 and -1 at 160 pixels, of a specification with a look at 320."""
    return render.render(spec) if spec.look is None else styled.render(spec)
