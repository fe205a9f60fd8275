import ResectBytes
import Testing

@testable import ResectPickle

extension PickleRefusalTests {
  /// Whatever Python would import, call or change.
  static let unsafe = [
    Refused("REDUCE", pickle("cevil\nrun\n(NtR."), at: 13, .unsafePickle),
    Refused("REDUCE of a class", pickle("cevil\nRunner\n)R."), at: 14, .unsafePickle),
    Refused("REDUCE that is thrown away", pickle("cevil\nrun\n)R0N."), at: 11, .unsafePickle),
    Refused("REDUCE of a known function", pickle("ctorch.hub\nload\n)R."), at: 17, .unsafePickle),
    Refused("NEWOBJ with arguments", pickle("cm\nC\nN", 0x85, 0x81, "."), at: 7, .unsafePickle),
    Refused("NEWOBJ_EX", pickle("cm\nC\n)}", 0x92, "."), at: 7, .unsafePickle),
    Refused("INST with arguments", pickle("(Nievil\nRunner\n."), at: 2, .unsafePickle),
    Refused("INST of a function", pickle("(ievil\nrun\n."), at: 1, .unsafePickle),
    Refused("OBJ with arguments", pickle("(cevil\nRunner\nNo."), at: 15, .unsafePickle),
    Refused("OBJ of a function", pickle("(cevil\nrun\no."), at: 11, .unsafePickle),
    Refused("OBJ of a known function", pickle("(ctorch.hub\nload\no."), at: 17, .unsafePickle),
    Refused("EXT1", pickle(0x82, 1, "."), at: 0, .unsafePickle),
    Refused("EXT2", pickle(0x83, 1, 2, "."), at: 0, .unsafePickle),
    Refused("EXT4", pickle(0x84, 1, 2, 3, 4, "."), at: 0, .unsafePickle),
    Refused("REDUCE of a text", pickle(text("os.system"), ")R."), at: 12, .unsafePickle),
    Refused(
      "NEWOBJ of an instance", pickle("cm\nC\n)", 0x81, ")", 0x81, "."), at: 8, .unsafePickle),
    Refused(
      "REDUCE of a call", pickle("ctorch._utils\n_rebuild_tensor_v2\n)R)R."), at: 36,
      .unsafePickle),

    Refused("a mention of os", pickle("cos\nsystem\n."), at: 0, .unsafePickle),
    Refused(
      "a mention of a class of Python", pickle("csubprocess\nPopen\n."), at: 0, .unsafePickle),
    Refused(
      "a mention of a function of builtins", pickle("cbuiltins\neval\n."), at: 0, .unsafePickle),
    Refused("a module of Python 2", pickle("ccommands\ngetoutput\n."), at: 0, .unsafePickle),
    Refused("a module of Windows", pickle("cnt\nsystem\n."), at: 0, .unsafePickle),
    Refused("a packaging tool", pickle("cpip\nMain\n."), at: 0, .unsafePickle),
    Refused("a submodule of Python", pickle("curllib.request\nRequest\n."), at: 0, .unsafePickle),
    Refused(
      "a function of an unknown module", pickle("Ncevil\nx\n", 0x86, "."), at: 1, .unsafePickle),
    Refused("a mention that is thrown away", pickle("cevil\nx\n0N."), at: 0, .unsafePickle),
    Refused(
      "a name with a dot", pickle(text("torch"), text("os.system"), 0x93, "."), at: 18,
      .unsafePickle),
    Refused(
      "a class name with a dot", pickle(text("m"), text("C.D"), 0x93, "."), at: 8, .unsafePickle),
    Refused("an empty name", pickle("ctorch\n\n."), at: 0, .unsafePickle),
    Refused("an empty module", pickle("c\nC\n."), at: 0, .unsafePickle),
    Refused("a relative module", pickle("c.os\nC\n."), at: 0, .unsafePickle),

    Refused("BUILD of a class", pickle("cm\nC\n}b."), at: 6, .unsafePickle),
    Refused("BUILD by a text", pickle("cm\nC\n)", 0x81, "Nb."), at: 8, .unsafePickle),
    Refused("BUILD by a tuple", pickle("cm\nC\n)", 0x81, "N", 0x85, "b."), at: 9, .unsafePickle),
    Refused(
      "BUILD by a pair of texts", pickle("cm\nC\n)", 0x81, text("a"), "N", 0x86, "b."), at: 12,
      .unsafePickle),
    Refused(
      "BUILD of a call", pickle("ctorch._utils\n_rebuild_tensor_v2\n)R}b."), at: 36, .unsafePickle),
    Refused(
      "BUILD of a call twice", pickle("cnumpy\ndtype\n)R)b)b."), at: 18, .unsafePickle),
    Refused(
      "a dict after a tuple as state",
      pickle("ctorch.nn.parameter\nParameter\n)", 0x81, ")b}b."), at: 35, .unsafePickle),
    Refused(
      "__setstate__", pickle("cm\nC\n)", 0x81, "}", text("__setstate__"), "Nsb."), at: 24,
      .unsafePickle),
    Refused(
      "__class__ in slots", pickle("cm\nC\n)", 0x81, "N}", text("__class__"), "Ns", 0x86, "b."),
      at: 23, .unsafePickle),

    Refused(
      "OrderedDict of a number", pickle("ccollections\nOrderedDict\nK", 1, 0x85, "R."), at: 28,
      .unsafePickle),
    Refused(
      "OrderedDict of triples", pickle("ccollections\nOrderedDict\n]NNN", 0x87, "a", 0x85, "R."),
      at: 32, .unsafePickle),
    Refused(
      "OrderedDict of four arguments", pickle("ccollections\nOrderedDict\n(NNNNtR."), at: 31,
      .unsafePickle),
    Refused(
      "defaultdict of a number", pickle("ccollections\ndefaultdict\nK", 1, 0x85, "R."), at: 28,
      .unsafePickle),
    Refused("list of a dict", pickle("cbuiltins\nlist\n}", 0x85, "R."), at: 17, .unsafePickle),
    Refused(
      "bytes of a number", pickle("cbuiltins\nbytes\nJ", 0, 0, 0, 0x40, 0x85, "R."), at: 22,
      .unsafePickle),
    Refused(
      "int of a text", pickle("cbuiltins\nint\n", text("7"), 0x85, "R."), at: 18, .unsafePickle),
    Refused(
      "Namespace of a dict", pickle("cargparse\nNamespace\n}", 0x85, "R."), at: 22, .unsafePickle),
    Refused(
      "encode to a codec", pickle("c_codecs\nencode\n", text("x"), text("rot13"), 0x86, "R."),
      at: 27, .unsafePickle),
    Refused(
      "encode of what is not Latin-1",
      pickle("c_codecs\nencode\n", text("漢"), text("latin1"), 0x86, "R."), at: 30),
    Refused(
      "_reconstructor of a dict", pickle("ccopyreg\n_reconstructor\n(cm\nC\ncbuiltins\ndict\n}tR."),
      at: 47, .unsafePickle),
    Refused(
      "_reconstructor of a set",
      pickle("ccopyreg\n_reconstructor\n(cbuiltins\nset\ncbuiltins\nobject\nNtR."), at: 58,
      .unsafePickle),
  ]
}

@Suite struct PicklePolicyTests {
  @Test func `a call that the policy lists is kept with its arguments`() throws {
    let call = pickle("ctorch._utils\n_rebuild_tensor_v2\n(K", 1, "K", 2, "tR.")
    #expect(try meaning(call) == "torch._utils._rebuild_tensor_v2(1, 2)")
    #expect(refusal(call, policy: PicklePolicy())?.code == .unsafePickle)
  }

  @Test func `NEWOBJ with arguments of a listed class is a call`() throws {
    #expect(try meaning(pickle("cnumpy\ndtype\nN", 0x85, 0x81, ".")) == "numpy.dtype(None)")
  }

  @Test func `a listed call may have a state where the policy says so`() throws {
    let call = pickle("cnumpy\ndtype\n", text("f4"), 0x85, "R(K", 3, text("<"), "tb.")
    #expect(try meaning(call) == "numpy.dtype('f4').(3, '<')")
  }

  @Test func `a class may have a tuple as its state where the policy says so`() throws {
    let parameter = pickle("ctorch.nn.parameter\nParameter\n)", 0x81, "NN", 0x86, "b.")
    #expect(try meaning(parameter) == "Parameter.(None, None)")
  }

  @Test func `a listed name of Python's standard library is allowed`() throws {
    #expect(
      try meaning(pickle("cdatetime\ndate\nC", 4, "\u{7}dab", 0x85, "R."))
        == "datetime.date(b07646162)")
    #expect(refusal(pickle("cdatetime\ntime\n."))?.code == .unsafePickle)
  }

  @Test(
    arguments: [
      "torch float32", "numpy.core.multiarray scalar", "evil Runner", "evil _Runner",
      "__main__ Net",
      "builtins list", "__builtin__ float", "collections OrderedDict",
    ])
  func `a mention that is inert is kept`(_ name: String) throws {
    let parts = name.split(separator: " ")
    let expected = "<\(parts[0]).\(parts[1])>"
    #expect(try meaning(pickle("c\(parts[0])\n\(parts[1])\n.")) == expected)
    #expect(try meaning(pickle(text("\(parts[0])"), text("\(parts[1])"), 0x93, ".")) == expected)
  }

  @Test func `a class with a lower-case name is one because an instance was made of it`() throws {
    let instance = pickle("cmodels\nresnet\nq", 0, ")", 0x81, "h", 0, 0x86, ".")
    #expect(try meaning(instance) == "(resnet, <models.resnet>)")
  }

  @Test func `a Kelvin sign makes no other name equal`() {
    let policy = PicklePolicy(callables: [GlobalName("m", "K")])
    #expect(refusal(pickle("cm\n\u{212a}\n)R."), policy: policy)?.code == .unsafePickle)
  }

  @Test(
    arguments: [
      "os", "sys", "subprocess", "builtins", "__builtin__", "commands", "popen2", "copy_reg",
      "copyreg", "ConfigParser", "urllib2", "cPickle", "_pickle", "os2emxpath", "pip", "setuptools",
      "pkg_resources", "distutils", "wheel", "_posixsubprocess", "nt", "posix", "ntpath", "pty",
      "ctypes", "_io", "io", "importlib", "runpy", "asyncore", "imp", "tomllib", "operator",
      "webbrowser", "bdb", "pdb", "idlelib", "lib2to3", "zipimport", "multiprocessing.util",
    ])
  func `each module of the standard library is refused`(_ module: String) {
    #expect(refusal(pickle("c\(module)\nThing\n."))?.code == .unsafePickle)
  }

  @Test func `no package of ours is in the standard library`() {
    for package in ["torch", "torchvision", "numpy", "timm", "__main__", "models", "resnet"] {
      #expect(!StandardLibrary.contains(GlobalName(package, "Net")))
    }
  }

  @Test func `a state that comes twice is merged`() throws {
    let twice = try #require(Vector.all.first { $0.description == "two states" })
    let parsed = try Pickle(parsing: twice.bytes, policy: .test)
    let value = try #require(parsed.attribute("a", of: parsed.root))
    #expect(parsed.integer(value) == 3)
    #expect(parsed.attribute("c", of: parsed.root) == nil)
  }

  @Test func `what happens to a dict after BUILD does not concern the instance`() throws {
    let late = pickle("cm\nC\n)", 0x81, "}q", 0, "bh", 0, text("__class__"), "Ns", 0x86, ".")
    #expect(try meaning(late) == "(C.{}, {'__class__': None})")
  }
}
