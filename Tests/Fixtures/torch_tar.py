"""Writes state dicts in the tar container that torch used before version 0.1.10, and can still read.

usage: torch_tar.py IN.pth OUT.pth       IN: a bare state dict, in any container
       import torch_tar; torch_tar.save(state, path)

Only torch can tell whether such a file is right: torch.load(OUT.pth), from torch 2.6 on with weights_only=False.

An uncompressed tar in pax format, whose members are, in this order,
  sys_info   pickle of a dict: protocol version 1000, byte order, sizes of C's integers
  pickle     pickle of the state dict; a tensor is a persistent id, the tensor's key as a decimal string
  tensors    count; for each tensor the pickle of (key, storage key, tensor class), then its geometry
  storages   count; for each storage the pickle of (key, "cpu", storage class), the number of its elements (int64) and
             its data; at the end the pickle of a list of storage views (target key, root key, offset, elements)
"""
import argparse
import copyreg
import io
import pickle
import struct
import tarfile
import warnings
from collections import OrderedDict

import torch

PROTOCOL_VERSION = 1000
SYSTEM = {"little_endian": True, "protocol_version": PROTOCOL_VERSION, "type_sizes": {"int": 4, "short": 2, "long": 4}}
PADDING = 7  # torch wrote ndim as int32 into eight bytes; the other four held whatever was there, never zero
SAVED_AT = 1479312000.25  # seconds; a fraction, as real files have, makes tarfile add a pax header to each member


def save(state, path, storage_views=(), protocol=2):
    """Writes the tensors of the dict `state`, by name, to the file `path`.

    An nn.Parameter is stored as one, any other tensor bare: `state_dict(keep_vars=True)` gives what torch wrote then.
    Tensors that share a storage share it in the file too, except those that `storage_views` names: each of them gets a
    storage of its own, which the file describes as a view of the shared one.
    """
    writer = _Writer(storage_views, protocol)
    members = {name: io.BytesIO() for name in ("sys_info", "pickle", "tensors", "storages")}
    pickle.dump(SYSTEM, members["sys_info"], protocol)
    writer.write_object(state, members["pickle"])  # finds the tensors
    writer.write_tensors(members["tensors"])  # finds their storages
    writer.write_storages(members["storages"])
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = content.tell(), SAVED_AT, 0o600
            content.seek(0)
            tar.addfile(info, content)


def without_counters(state):
    """The state dict as torch before 0.4.1 had it: batch-norms did not count their batches."""
    return OrderedDict((name, value) for name, value in state.items() if not name.endswith("num_batches_tracked"))


class _Writer:
    def __init__(self, storage_views, protocol):
        self.storage_views = set(storage_views)
        self.protocol = protocol
        self.tensors = {}  # tensor key: (name, tensor)
        self.storages = {}  # storage key: a flat tensor of the whole storage
        self.storage_keys = {}  # address of a storage: its key
        self.views = []

    def write_object(self, state, file):
        pickler = _Pickler(file, self.protocol)
        for name, tensor in state.items():
            key = pickler.keys.setdefault(id(tensor), self.new_key())
            self.tensors[key] = name, tensor.detach()
        pickler.dump(OrderedDict(state))

    def write_tensors(self, file):
        pickle.dump(len(self.tensors), file, self.protocol)
        for key, (name, tensor) in sorted(self.tensors.items()):
            storage_key, offset = self.storage_of(name, tensor)
            ndim = tensor.dim()
            pickle.dump((key, storage_key, getattr(torch, _class_name(tensor, "Tensor"))), file, self.protocol)
            file.write(struct.pack("<ii", ndim, PADDING))
            file.write(struct.pack(f"<{2 * ndim + 1}q", *tensor.shape, *tensor.stride(), offset))

    def write_storages(self, file):
        pickle.dump(len(self.storages), file, self.protocol)
        for key, flat in sorted(self.storages.items()):
            pickle.dump((key, "cpu", getattr(torch, _class_name(flat, "Storage"))), file, self.protocol)
            file.write(struct.pack("<q", len(flat)))
            file.write(flat.view(torch.uint8).numpy())
        pickle.dump(self.views, file, self.protocol)

    def storage_of(self, name, tensor):
        """The key of the storage that the file gives this tensor, and the tensor's offset in it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # recent torch would rather be asked for the untyped storage
            address, count = tensor.storage().data_ptr(), tensor.storage().size()
        if address not in self.storage_keys or count == 0:  # all empty storages lie at address 0
            self.storage_keys[address] = self.new_key()
            self.storages[self.storage_keys[address]] = tensor.as_strided((count,), (1,), 0)
        root = self.storage_keys[address]
        if name not in self.storage_views:
            return root, tensor.storage_offset()
        target = self.new_key()
        span = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride()))
        self.views.append((target, root, tensor.storage_offset(), span))
        return target, 0

    def new_key(self):
        """A number that looks like the address of a C object, as torch's keys were: scattered, without meaning."""
        number = len(self.tensors) + len(self.storages) + len(self.views)
        return 404_000_000 + 16 * (7919 * number % 104_729)


class _Pickler(pickle.Pickler):
    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.keys = {}  # id of a tensor in the state dict: its key

    def persistent_id(self, value):
        if isinstance(value, _Data):
            return str(self.keys[id(value.parameter)])
        return str(self.keys[id(value)]) if type(value) is torch.Tensor else None

    def reducer_override(self, value):
        """A parameter is an object made from its class without arguments, whose state is a tuple of five."""
        if not isinstance(value, torch.nn.Parameter):
            return NotImplemented
        grad, hooks, requires_grad, volatile = None, None, True, False
        return copyreg.__newobj__, (torch.nn.Parameter,), (_Data(value), grad, hooks, requires_grad, volatile)


class _Data:
    """Stands for the bare tensor inside a parameter."""

    def __init__(self, parameter):
        self.parameter = parameter


def _class_name(tensor, kind):
    """The name of torch's class for tensors or storages of this dtype: FloatTensor, LongStorage."""
    return tensor.type().removeprefix("torch.").removesuffix("Tensor") + kind


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("input", metavar="IN.pth")
    parser.add_argument("output", metavar="OUT.pth")
    args = parser.parse_args()
    save(torch.load(args.input, map_location="cpu"), args.output)


if __name__ == "__main__":
    main()
