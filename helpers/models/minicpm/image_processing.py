"""Pictures for MiniCPM: an overview of each and, for large ones, tiles, all laid out as rows of 14 x 14 patches.

The slicing follows LLaVA-UHD (Guo et al. 2024, arXiv:2403.11703).
"""

import math

import numpy as np
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor

from helpers.language import message


def fit(width, height, side, patch):
    """The size a picture gets: about ``side`` x ``side`` pixels in area, the same shape, sides multiples of ``patch``.

    Small pictures are enlarged, too.
    """
    shape = width / height
    height = int(side / math.sqrt(shape))
    return tuple(max(round(length / patch) * patch, patch) for length in (int(height * shape), height))


def choose_grid(width, height, side, max_slice_nums):
    """How many tiles beside and below each other: (columns, rows), or ``None`` for a picture that stays whole.

    About as many tiles as the picture has ``side`` x ``side`` squares, in the layout closest to the picture's shape.
    """
    wanted = min(math.ceil(width * height / (side * side)), max_slice_nums)
    if wanted <= 1:
        return None
    counts = [count for count in (wanted - 1, wanted, wanted + 1) if 1 < count <= max_slice_nums]
    grids = [(columns, count // columns) for count in counts for columns in range(1, count + 1) if count % columns == 0]
    shape = math.log(width / height)
    return min(grids, key=lambda grid: abs(shape - math.log(grid[0] / grid[1])))


def tile_size(width, height, grid, side, patch):
    """Size of one tile in pixels: the picture's share, resized to about ``side`` x ``side`` pixels in area."""
    sides = zip((width, height), grid, strict=True)
    share = [max(round(length / count) * count, count) / count for length, count in sides]
    return fit(*share, side, patch)


class MiniCPMVImageProcessor(BaseImageProcessor):
    """Cuts pictures into an overview and tiles, and writes the text that stands for them.

    Args:
        max_slice_nums: tiles of a picture at most; 1 keeps every picture whole.
        scale_resolution: an overview or tile has about this many pixels squared.
        patch_size: side of a patch in pixels.
        image_feature_size: embeddings an overview or tile becomes in the model (its ``query_num``).
        use_image_id: whether each picture is preceded by its number.
        slice_mode: ``False`` keeps every picture whole.
        norm_mean, norm_std: a channel value v in 0..1 becomes (v - mean) / std.
    """

    model_input_names = ["pixel_values"]

    def __init__(
        self,
        max_slice_nums=9,
        scale_resolution=448,
        patch_size=14,
        image_feature_size=64,
        use_image_id=True,
        slice_mode=True,
        norm_mean=(0.5, 0.5, 0.5),
        norm_std=(0.5, 0.5, 0.5),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.max_slice_nums = max_slice_nums
        self.scale_resolution = scale_resolution
        self.patch_size = patch_size
        self.image_feature_size = image_feature_size
        self.use_image_id = use_image_id
        self.slice_mode = slice_mode
        self.norm_mean, self.norm_std = list(norm_mean), list(norm_std)

    def get_sliced_grid(self, image_size, max_slice_nums=None):
        """(columns, rows) of tiles for a picture of ``image_size`` (width, height) pixels, or ``None``."""
        limit = self.max_slice_nums if max_slice_nums is None else max_slice_nums
        return choose_grid(*image_size, self.scale_resolution, limit) if self.slice_mode else None

    def slice_image(self, image, max_slice_nums=None):
        """A picture as the model sees it: (overview, rows of tiles), resized RGB pictures; no rows if it stays whole.

        Raises:
            ValueError: a side of one pixel.
        """
        from PIL import Image

        width, height = image.size
        if min(width, height) < 2:
            raise ValueError(message("minicpm.thin", width=width, height=height))
        image, side, patch = image.convert("RGB"), self.scale_resolution, self.patch_size
        grid = self.get_sliced_grid(image.size, max_slice_nums)
        overview = image.resize(fit(width, height, side, patch), Image.Resampling.BICUBIC)
        if grid is None:
            return overview, []
        wide, high = tile_size(width, height, grid, side, patch)
        large = image.resize((wide * grid[0], high * grid[1]), Image.Resampling.BICUBIC)
        corners = [[(x * wide, y * high) for x in range(grid[0])] for y in range(grid[1])]
        return overview, [[large.crop((x, y, x + wide, y + high)) for x, y in row] for row in corners]

    def get_slice_image_placeholder(self, image_size, image_idx=0, max_slice_nums=None, use_image_id_mode=None):
        """The text that stands for a picture: marks around as many ``<unk>`` as it has embeddings.

        Args:
            image_size: (width, height) in pixels, before any resizing.
            image_idx: its number in the conversation, from 0.
        """
        numbered = self.use_image_id if use_image_id_mode is None else use_image_id_mode
        number = f"<image_id>{image_idx}</image_id>" if numbered else ""
        tokens = "<unk>" * self.image_feature_size
        columns, rows = self.get_sliced_grid(image_size, max_slice_nums) or (0, 0)
        tiles = "\n".join([f"<slice>{tokens}</slice>" * columns] * rows)
        return f"{number}<image>{tokens}</image>{tiles}"

    def to_patches(self, image):
        """A resized picture as (tensor of 3 x patch x (patch * patches), row by row, (rows, columns) of patches)."""
        import torch

        patch = self.patch_size
        mean, std = np.float32(self.norm_mean), np.float32(self.norm_std)
        pixels = (np.asarray(image, dtype=np.float32) / 255 - mean) / std  # (height, width, 3)
        rows, columns = pixels.shape[0] // patch, pixels.shape[1] // patch
        squares = pixels.reshape(rows, patch, columns, patch, 3).transpose(4, 1, 0, 2, 3)
        return torch.from_numpy(squares.reshape(3, patch, rows * columns * patch)), (rows, columns)

    def preprocess(self, images, max_slice_nums=None, do_pad=True, return_tensors=None, **kwargs):
        """Pictures of a batch.

        Args:
            images: a picture, a list of pictures (one row of the batch), or a list of such lists (one for each row).
                A picture is a ``PIL.Image`` or an array of height x width x 3, 0..255.
            do_pad, return_tensors: taken for others' sake; pictures keep their sizes, and all numbers are torch's.

        Returns:
            dict of lists, an entry for each row: pixel_values, list of float32 tensors 3 x 14 x (14 * patches);
            tgt_sizes, (pictures, 2) rows and columns of patches; image_sizes, list of (width, height) in pixels.

        Raises:
            ValueError: a picture that has nothing to read; its row and number in the row are named.
        """
        import torch

        rows = {"pixel_values": [], "tgt_sizes": [], "image_sizes": []}
        for number, row in enumerate(as_rows(images)):
            parts = []
            for index, image in enumerate(map(as_picture, row)):
                try:
                    overview, tiles = self.slice_image(image, max_slice_nums)
                except ValueError as error:
                    raise ValueError(message("minicpm.in_picture", row=number, index=index, error=error)) from error
                parts += [self.to_patches(part) for part in [overview, *sum(tiles, [])]]
            rows["pixel_values"].append([pixels for pixels, _ in parts])
            rows["tgt_sizes"].append(torch.tensor([size for _, size in parts], dtype=torch.long).reshape(-1, 2))
            rows["image_sizes"].append([as_picture(image).size for image in row])
        return BatchFeature(rows)


def as_rows(media):
    """One thing, a list of them (one row), or a list of lists: always as a list of lists."""
    if not isinstance(media, (list, tuple)):
        return [[media]]
    return [list(row) for row in media] if any(isinstance(row, (list, tuple)) for row in media) else [list(media)]


def as_picture(image):
    """A picture as ``PIL.Image``; arrays (height, width, 3) of 0..255 are taken too."""
    from PIL import Image

    return image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image, dtype=np.uint8))
