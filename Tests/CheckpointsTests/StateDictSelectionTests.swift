internal import ResectBytes
internal import ResectCheckpoints
internal import ResectTestSupport
import Testing

/// Which part of a checkpoint is the model.
@Suite struct StateDictSelectionTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Opens a stream file of what `write` pickles; every tensor is of the one storage "1" of four floats.
  private func open(
    key: String? = nil, _ write: (inout PickleWriter) -> Void
  ) throws -> Checkpoint {
    var writer = PickleWriter()
    write(&writer)
    let bytes = torchStream(writer.pickle, storages: [("1", [1, 2, 3, 4])])
    return try Checkpoint(InputFile(path: folder.write(bytes, as: "file.pth")), key: key)
  }

  @Test func `a known wrapping key wins over tensors beside it`() throws {
    let checkpoint = try open { file in
      file.dictionary { root in
        root.string("best_acc1")
        root.vector()
        root.string("state_dict")
        root.dictionary { $0.namedVector("fc.weight") }
      }
    }
    #expect(checkpoint.key == "state_dict")
    #expect(checkpoint.tensors.map(\.name) == ["fc.weight"])
    #expect(checkpoint.ignored == [.init(name: "best_acc1", reason: "a tensor beside the state dict")])
  }

  @Test func `a bare state dict needs no key`() throws {
    let checkpoint = try open { $0.dictionary { $0.namedVector("a.weight") } }
    #expect(checkpoint.key == nil)
    #expect(checkpoint.tensors.map(\.name) == ["a.weight"])
  }

  @Test func `an unknown key is followed where it holds the only state dict`() throws {
    let checkpoint = try open { file in
      file.dictionary { root in
        root.string("weights_of_mine")
        root.dictionary { $0.namedVector("a.weight") }
        root.string("epoch")
        root.integer(3)
      }
    }
    #expect(checkpoint.key == "weights_of_mine")
    #expect(checkpoint.ignored == [.init(name: "epoch", reason: "an integer, no tensor")])
  }

  @Test func `two unknown keys are ambiguous, and a key chooses`() throws {
    func write(_ file: inout PickleWriter) {
      file.dictionary { root in
        for key in ["first", "second"] {
          root.string(key)
          root.dictionary { $0.namedVector("\(key).weight") }
        }
      }
    }
    let error = #expect(throws: ResectError.self) { _ = try open(write) }
    #expect(error?.code == .ambiguous)
    #expect(error?.message.contains("first and second") == true)
    #expect(try open(key: "second", write).tensors.map(\.name) == ["second.weight"])
  }

  @Test func `the same object under two keys is one state dict`() throws {
    let checkpoint = try open { file in
      file.dictionary { root in
        root.string("first")
        root.dictionary { $0.namedVector("a.weight") }
        root.raw([0x71, 1])  // BINPUT 1
        root.string("second")
        root.raw([0x68, 1])  // BINGET 1
      }
    }
    #expect(checkpoint.key == "first")
  }

  @Test func `optimizer state is no candidate, whatever it holds`() throws {
    let checkpoint = try open { file in
      file.dictionary { root in
        root.string("optimizer_state_dict")
        root.dictionary { $0.namedVector("momentum") }
        root.string("weights")
        root.dictionary { $0.namedVector("a.weight") }
      }
    }
    #expect(checkpoint.key == "weights")
    #expect(
      checkpoint.ignored
        == [.init(name: "optimizer_state_dict", reason: "state of the training, not of the model")])
  }

  @Test func `a key may lead through several dicts and have dots itself`() throws {
    func write(_ file: inout PickleWriter) {
      file.dictionary { root in
        root.string("a.b")
        root.dictionary { inner in
          inner.string("c")
          inner.dictionary { $0.namedVector("x.weight") }
        }
      }
    }
    #expect(try open(key: "a.b.c", write).tensors.map(\.name) == ["x.weight"])
    let error = #expect(throws: ResectError.self) { _ = try open(key: "a.b.d", write) }
    #expect(error?.code == .badArgument)
  }

  @Test func `names that become equal when their keys are joined are refused`() {
    let error = #expect(throws: ResectError.self) {
      _ = try open { file in
        file.dictionary { root in
          root.namedVector("a.b")
          root.string("a")
          root.dictionary { $0.namedVector("b") }
        }
      }
    }
    #expect(error?.code == .malformed)
    #expect(error?.tensor == "a.b")
  }

  @Test func `a file without tensors is refused`() {
    let error = #expect(throws: ResectError.self) {
      var writer = PickleWriter()
      writer.dictionary { root in
        root.string("epoch")
        root.integer(3)
      }
      let bytes = torchStream(writer.pickle, storages: [])
      _ = try Checkpoint(InputFile(path: folder.write(bytes, as: "file.pth")))
    }
    #expect(error?.code == .unsupported)
  }

  @Test func `a lone tensor is called tensor`() throws {
    #expect(try open { $0.vector() }.tensors.map(\.name) == ["tensor"])
  }

  @Test func `prefixes that all names share are reported`() throws {
    let checkpoint = try open { file in
      file.dictionary { root in
        root.namedVector("module._orig_mod.fc.weight")
        root.namedVector("module._orig_mod.fc.bias")
      }
    }
    #expect(checkpoint.prefix == "module._orig_mod.")
    #expect(checkpoint.strippedTensors.map(\.name) == ["fc.weight", "fc.bias"])
  }

  @Test func `a prefix that one name lacks stays`() throws {
    let checkpoint = try open { file in
      file.dictionary { root in
        root.namedVector("module.fc.weight")
        root.namedVector("queue")
      }
    }
    #expect(checkpoint.prefix.isEmpty)
  }

  @Test func `a dict that contains itself is refused`() {
    let error = #expect(throws: ResectError.self) {
      _ = try open { file in
        file.raw("}")
        file.raw([0x71, 1])
        file.raw("(")
        file.namedVector("weight")
        file.string("self")
        file.raw([0x68, 1])
        file.raw("u")
      }
    }
    #expect(error?.code == .limit)
  }

  @Test func `a view past its storage is refused though nothing refers to it`() {
    let error = #expect(throws: ResectError.self) {
      _ = try open { file in
        file.tensor(key: "1", count: 4, shape: [5], strides: [1])
        file.raw("0")
        file.dictionary { $0.namedVector("weight") }
      }
    }
    #expect(error?.code == .malformed)
  }

  @Test func `one storage of two lengths is refused`() {
    let error = #expect(throws: ResectError.self) {
      _ = try open { file in
        file.dictionary { root in
          root.namedVector("a")
          root.string("b")
          root.tensor(key: "1", count: 3, shape: [3], strides: [1])
        }
      }
    }
    #expect(error?.code == .malformed)
  }

  @Test func `a call that is not torch's is refused by name`() {
    let error = #expect(throws: ResectError.self) {
      _ = try open { file in
        file.global("os", "system")
        file.raw("(")
        file.string("true")
        file.raw("tR0")
        file.dictionary { $0.namedVector("weight") }
      }
    }
    #expect(error?.code == .unsafePickle)
    #expect(error?.message.contains("os.system") == true)
  }
}

extension PickleWriter {
  /// The whole storage as a vector.
  fileprivate mutating func vector() { tensor(key: "1", count: 4, shape: [4], strides: [1]) }

  /// A name and the vector.
  fileprivate mutating func namedVector(_ name: String) {
    string(name)
    vector()
  }
}
