#!/usr/bin/python3
"""Makes the images that ImagesTests reads, and manifest.json: what Pillow and torchvision make of them.

Needs Debian's python3-pil, python3-numpy, python3-torchvision and libjpeg-turbo-progs (for restart markers).
"""
import io
import json
import struct
import subprocess
import zlib
from pathlib import Path

import numpy
import torchvision.transforms as transforms
from PIL import Image, ImageOps

FOLDER = Path(__file__).parent / "Images"
random = numpy.random.default_rng(5)


def crc(array):
    return zlib.crc32(numpy.ascontiguousarray(array).tobytes())


def picture(width, height, channels=3):
    """Slopes, an edge and noise, so that rounding, clipping and smoothing all show."""
    x, y = numpy.meshgrid(numpy.linspace(0, 1, width), numpy.linspace(0, 1, height))
    waves = [numpy.sin(7 * x + k) * numpy.cos(5 * y - k) * 110 + 128 for k in range(channels)]
    values = numpy.stack(waves, axis=2) + random.normal(0, 12, (height, width, channels))
    values[height // 3 : height // 2, width // 4 :] = 255
    values[height // 2 :, : width // 5] = 0
    return values.clip(0, 255).astype(numpy.uint8)


# --- Writers


def save_jpeg(name, pixels, **options):
    image = Image.fromarray(pixels.squeeze())
    image.save(FOLDER / name, "JPEG", quality=options.pop("quality", 85), **options)


def exif(orientation, order, kind=3):
    """A directory of two entries, the second one the orientation."""
    value = struct.pack(order + {3: "H2x", 4: "I"}[kind], orientation)
    entries = struct.pack(order + "HHII", 0x0100, 4, 1, 7)
    entries += struct.pack(order + "HHI", 0x0112, kind, 1) + value
    mark = b"II" if order == "<" else b"MM"
    return mark + struct.pack(order + "HIH", 42, 8, 2) + entries + bytes(4)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(samples, bits):
    """Rows of samples (height × values) as PNG packs them, each after a filter byte of 0."""
    rows = b""
    for row in samples:
        if bits == 16:
            data = row.astype(">u2").tobytes()
        else:
            text = "".join(format(int(v), f"0{bits}b") for v in row)
            text += "0" * (-len(text) % 8)
            data = int(text, 2).to_bytes(len(text) // 8, "big")
        rows += b"\0" + data
    return rows


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def save_png(name, samples, bits, colour, before=b"", after=b"", interlaced=False):
    """samples: height × width × channels."""
    height, width, _ = samples.shape
    passes = [(0, 0, 1, 1)] if not interlaced else ADAM7
    data = b""
    for x, y, dx, dy in passes:
        part = samples[y::dy, x::dx]
        if part.size:
            data += packed(part.reshape(part.shape[0], -1), bits)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before
    file += chunk(b"IDAT", zlib.compress(data, 9)) + after + chunk(b"IEND", b"")
    (FOLDER / name).write_bytes(file)


# --- The images


def make_jpegs():
    for name, subsampling in [("444", 0), ("422", 1), ("420", 2)]:
        save_jpeg(f"baseline-{name}.jpg", picture(37, 29), subsampling=subsampling)
        save_jpeg(f"progressive-{name}.jpg", picture(35, 31), subsampling=subsampling, progressive=True)
    save_jpeg("grey.jpg", picture(33, 19, 1))
    save_jpeg("grey-progressive.jpg", picture(18, 41, 1), progressive=True)
    save_jpeg("one-pixel.jpg", picture(1, 1))
    save_jpeg("coarse.jpg", picture(64, 48), quality=8)
    source = io.BytesIO()
    Image.fromarray(picture(51, 39)).save(source, "PPM")
    for name, options in [
        ("restarts.jpg", ["-restart", "2B"]),
        ("subsampled-440.jpg", ["-sample", "1x2"]),
        ("subsampled-410.jpg", ["-sample", "4x2"]),
        ("subsampled-unnamed.jpg", ["-sample", "2x2,2x1,1x2"]),
        ("rgb.jpg", ["-rgb"]),
        ("arithmetic.jpg", ["-arithmetic"]),
    ]:
        made = subprocess.run(["cjpeg", *options], input=source.getvalue(), capture_output=True, check=True)
        (FOLDER / name).write_bytes(made.stdout)
    # Bytes that belong to nothing, before the end: decoders pass over them.
    whole = (FOLDER / "baseline-444.jpg").read_bytes()
    (FOLDER / "extraneous.jpg").write_bytes(whole[:-2] + b"\x12\x34\x56" + whole[-2:])
    pixels = picture(7, 5)
    for orientation in range(1, 9):
        for order, mark in [("<", "II"), (">", "MM")]:
            data = b"Exif\0\0" + exif(orientation, order)
            save_jpeg(f"orientation-{orientation}-{mark}.jpg", pixels, exif=data, optimize=True)
    save_jpeg("orientation-6-long.jpg", pixels, exif=b"Exif\0\0" + exif(6, ">", 4), optimize=True)


def make_pngs():
    for bits in (1, 2, 4, 8, 16):
        grey = random.integers(0, 1 << bits, (11, 13, 1))
        save_png(f"grey-{bits}.png", grey, bits, 0)
        save_png(f"grey-{bits}-interlaced.png", grey, bits, 0, interlaced=True)
        if bits < 16:
            palette = random.integers(0, 256, (1 << bits, 3), dtype=numpy.uint8).tobytes()
            transparency = chunk(b"tRNS", bytes(range(min(1 << bits, 9))))
            save_png(f"palette-{bits}.png", grey, bits, 3, chunk(b"PLTE", palette))
            save_png(f"palette-{bits}-transparent.png", grey, bits, 3, chunk(b"PLTE", palette) + transparency)
    for bits in (8, 16):
        for name, colour, channels in [("rgb", 2, 3), ("grey-alpha", 4, 2), ("rgba", 6, 4)]:
            samples = random.integers(0, 1 << bits, (9, 10, channels))
            save_png(f"{name}-{bits}.png", samples, bits, colour)
            save_png(f"{name}-{bits}-interlaced.png", samples, bits, colour, interlaced=True)
    samples = random.integers(0, 256, (9, 10, 3))
    first = samples[0, 0]
    save_png("rgb-transparent.png", samples, 8, 2, chunk(b"tRNS", struct.pack(">HHH", *first)))
    save_png("rgb-gamma.png", samples, 8, 2, chunk(b"gAMA", struct.pack(">I", 100000)))
    save_png("one-pixel.png", samples[:1, :1], 8, 2)
    samples = random.integers(0, 256, (5, 7, 3))
    for orientation in range(1, 9):
        save_png(f"orientation-{orientation}.png", samples, 8, 2, chunk(b"eXIf", exif(orientation, ">")))
    save_png("orientation-8-after.png", samples, 8, 2, after=chunk(b"eXIf", exif(8, "<")))
    # libpng's own row filters.
    Image.fromarray(picture(40, 33)).save(FOLDER / "filtered.png", optimize=True)


def make_refused():
    pixels = Image.fromarray(picture(6, 4))
    for format in ("GIF", "WEBP", "BMP", "TIFF"):
        pixels.save(FOLDER / f"refused.{format.lower()}", format)
    pixels.convert("CMYK").save(FOLDER / "refused-cmyk.jpg", "JPEG")


# --- What they are


def opened(path):
    image = Image.open(path)
    if image.mode.startswith("I"):
        # Pillow would clip 16 bits to 255.
        wide = numpy.asarray(image).astype(numpy.uint16)
        image = Image.fromarray((wide >> 8).astype(numpy.uint8))
    return ImageOps.exif_transpose(image).convert("RGB")


def images():
    names = sorted(p.name for p in FOLDER.iterdir() if not p.name.startswith("refused"))
    for name in names:
        image = opened(FOLDER / name)
        yield {"name": name, "width": image.width, "height": image.height, "crc32": crc(image)}


FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
SOURCES = ["filtered.png", "coarse.jpg", "one-pixel.png", "grey-1.png"]


def resizes():
    for source in SOURCES:
        image = opened(FOLDER / source)
        for width, height in [(1, 1), (1, 50), (7, 3), (image.width, 20), (20, image.height), (41, 34),
                              (97, 10), (10, 97), (128, 128), (13, 11)]:
            for name, filter in FILTERS.items():
                for mode in ("RGB", "L"):
                    resized = image.convert(mode).resize((width, height), filter)
                    yield {"source": source, "width": width, "height": height, "filter": name,
                           "grey": mode == "L", "crc32": crc(resized)}


def canvas(width, height):
    """The image whose value at row y, column x of channel c is 31 y + 17 x + 101 c modulo 251."""
    y, x, c = numpy.ogrid[:height, :width, :3]
    return Image.fromarray(((31 * y + 17 * x + 101 * c) % 251).astype(numpy.uint8))


def sizes():
    """Proportions kept and middles cut, on every parity of old and new size."""
    for width, height in [(1, 1), (3, 2), (10, 7), (7, 10), (33, 100), (100, 33), (64, 64), (61, 37), (299, 3)]:
        image = canvas(width, height)
        for side in (1, 2, 3, 8, 31, 32, 65):
            resized = transforms.Resize(side)(image)
            yield {"width": width, "height": height, "shorterSide": side,
                   "newWidth": resized.width, "newHeight": resized.height, "crc32": crc(resized)}
        for new_width, new_height in [(1, 1), (2, 2), (5, 4), (4, 5), (32, 32), (33, 31), (101, 34), (8, 200)]:
            cropped = transforms.CenterCrop((new_height, new_width))(image)
            yield {"width": width, "height": height, "newWidth": new_width, "newHeight": new_height,
                   "crc32": crc(cropped)}


IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def torch_input(side, crop, mean, std):
    return transforms.Compose([
        transforms.Resize(side), transforms.CenterCrop(crop), transforms.ToTensor(),
        transforms.Normalize(mean, std)])


def keras_input(mode):
    """As keras.applications.imagenet_utils.preprocess_input computes it on a float32 array."""
    def run(image):
        image = transforms.CenterCrop(224)(transforms.Resize(256)(image))
        x = numpy.asarray(image).astype(numpy.float32)
        if mode == "tf":
            x /= 127.5
            x -= 1.0
        else:
            x = x[..., ::-1].copy()
            for channel, mean in enumerate([103.939, 116.779, 123.68]):
                x[..., channel] -= mean
        return x.transpose(2, 0, 1)
    return run


INPUTS = {
    "torchvision": torch_input(256, 224, *IMAGENET),
    "cifar10": torch_input(32, 32, [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]),
    "cifar100": torch_input(32, 32, [0.5070, 0.4865, 0.4409], [0.2673, 0.2564, 0.2761]),
    "cifar-imagenet-statistics": torch_input(32, 32, *IMAGENET),
    "keras-caffe": keras_input("caffe"),
    "keras-tf": keras_input("tf"),
    "none": lambda image: numpy.asarray(image).astype(numpy.float32).transpose(2, 0, 1),
    "grey": transforms.Compose([
        transforms.Grayscale(), transforms.Resize((9, 12), transforms.InterpolationMode.BICUBIC),
        transforms.ToTensor(), transforms.Normalize([0.1307], [0.3081])]),
}


def inputs():
    for preset, transform in INPUTS.items():
        for source in ["coarse.jpg", "filtered.png"]:
            made = numpy.asarray(transform(opened(FOLDER / source)))
            assert made.dtype == numpy.float32
            yield {"preset": preset, "source": source, "height": made.shape[1], "width": made.shape[2],
                   "crc32": crc(made)}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    make_jpegs()
    make_pngs()
    make_refused()
    manifest = {"images": list(images()), "resizes": list(resizes()), "sizes": list(sizes()), "inputs": list(inputs())}
    lines = []
    for key, values in manifest.items():
        rows = ",\n".join("  " + json.dumps(value, separators=(",", ":")) for value in values)
        lines.append(f'"{key}":[\n{rows}]')
    (FOLDER / "manifest.json").write_text("{" + ",\n".join(lines) + "}\n")
