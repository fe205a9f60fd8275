// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target is built with: the strictest checks that the toolchain offers.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// A target's name: folders have short names, targets such that no other package has.
func name(_ room: String) -> String {
  if room.hasPrefix("Resect") { return room }
  return room.hasPrefix("C") && room.dropFirst().first?.isUppercase == true
    ? "CResect\(room.dropFirst())" : "Resect\(room)"
}

/// Other rooms of this package.
func rooms(_ names: [String]) -> [Target.Dependency] { names.map { .byName(name: name($0)) } }

/// The module map and the shim of a C library, in `Sources/<room>`.
func library(_ room: String, _ package: String?, apt: String, brew: String) -> Target {
  .systemLibrary(
    name: name(room), path: "Sources/\(room)", pkgConfig: package, providers: [.apt([apt]), .brew([brew])])
}

/// C of our own, in `Sources/<room>`.
func c(_ room: String) -> Target { .target(name: name(room), path: "Sources/\(room)") }

/// A library target in `Sources/<room>`, built strictly.
func floor(
  _ room: String, on others: [String], products: [Target.Dependency] = [], linking libraries: [LinkerSetting] = []
) -> Target {
  .target(
    name: name(room), dependencies: rooms(others) + products, path: "Sources/\(room)", swiftSettings: strict,
    linkerSettings: libraries)
}

/// An executable target in `Sources/<room>`.
func program(_ room: String, on other: String) -> Target {
  .executableTarget(name: name(room), dependencies: rooms([other]), path: "Sources/\(room)", swiftSettings: strict)
}

/// The tests of a room, in `Tests/<room>Tests`, beside the scripts that made their fixtures.
func tests(_ room: String, on others: [String], scripts: [String] = []) -> Target {
  .testTarget(
    name: "\(room)Tests", dependencies: rooms([room, "TestSupport"] + others), exclude: scripts, swiftSettings: strict)
}

// Debian's shared libhdf5 brings some thirty libraries along, which no file needs: the static one starts in a third of
// the time. The order is the linker's: each library before those that it uses.
#if os(Linux)
  let hdf5Package: String? = nil
  let hdf5Libraries: [LinkerSetting] =
    [
      "libhdf5_serial_hl.a", "libhdf5_serial.a", "libsz.a", "libaec.a",
    ].map { .linkedLibrary(":\($0)") } + ["z", "m", "dl"].map { .linkedLibrary($0) }
#else
  let hdf5Package: String? = "hdf5"
  let hdf5Libraries: [LinkerSetting] = [.linkedLibrary("hdf5_hl"), .linkedLibrary("hdf5")]
#endif

let package = Package(
  name: "Resect",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "Resect", targets: ["Resect"]),
    .executable(name: "resect", targets: ["ResectCLI"]),
    // Works for resect on HDF5 files, as a process of its own, and has to lie beside it.
    .executable(name: "resect-hdf5", targets: ["ResectHDF5Helper"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
  ],
  targets: [
    // C libraries: a module map and a shim each, nothing else.
    library("CZip", "libzip", apt: "libzip-dev", brew: "libzip"),
    library("CDeflate", "libdeflate", apt: "libdeflate-dev", brew: "libdeflate"),
    library("CCrypto", "libcrypto", apt: "libssl-dev", brew: "openssl@3"),
    library("CHDF5", hdf5Package, apt: "libhdf5-dev", brew: "hdf5"),
    library("CTurboJPEG", "libturbojpeg", apt: "libturbojpeg0-dev", brew: "jpeg-turbo"),
    library("CSpng", "spng", apt: "libspng-dev", brew: "libspng"),
    // C of our own: what Swift cannot call or compile.
    c("CPosix"),
    c("CTensorKernels"),
    c("COneDNN"),
    c("CEntropyCoding"),

    // The ground floor, then two chains that meet only in Resect: containers and networks.
    floor("Bytes", on: ["CPosix", "CDeflate", "CCrypto"]),
    floor("Tensors", on: ["Bytes", "CTensorKernels"]),
    floor("Graphs", on: ["Bytes", "Tensors"]),

    floor("Zip", on: ["Bytes", "CZip"]),
    floor("Pickle", on: ["Bytes"]),
    floor("HDF5", on: ["Bytes", "Tensors"]),
    floor("HDF5Library", on: ["Bytes", "Tensors", "HDF5", "CHDF5"], linking: hdf5Libraries),
    program("HDF5Helper", on: "HDF5Library"),
    floor("Checkpoints", on: ["Bytes", "Tensors", "Graphs", "Zip", "Pickle", "HDF5"]),

    floor("ResNets", on: ["Bytes", "Tensors", "Graphs"]),
    floor("Images", on: ["Bytes", "ResNets", "CTurboJPEG", "CSpng"]),
    floor("NumPy", on: ["Bytes", "Tensors"]),
    floor("Naming", on: ["Bytes", "Tensors", "Graphs", "ResNets"]),
    floor("Surgery", on: ["Bytes", "Tensors", "Graphs", "ResNets"]),
    floor("NativeFormat", on: ["Bytes", "Tensors", "Graphs", "ResNets", "CEntropyCoding"]),

    floor("Inference", on: ["Bytes", "Tensors", "Graphs", "ResNets", "Surgery", "COneDNN"]),

    floor(
      "Resect",
      on: [
        "Bytes", "Tensors", "Graphs", "HDF5", "Checkpoints", "ResNets", "Naming", "Surgery", "NativeFormat",
        "Inference", "Images", "NumPy",
      ]),

    // The command line.
    floor(
      "ResectCommands", on: ["Resect"],
      products: [.product(name: "ArgumentParser", package: "swift-argument-parser")]),
    program("ResectCLI", on: "ResectCommands"),

    .target(
      name: name("TestSupport"), dependencies: rooms(["Bytes", "Tensors", "ResNets"]), path: "Tests/Support",
      swiftSettings: strict),
    tests("Bytes", on: []),
    tests("Tensors", on: ["Bytes"], scripts: ["make_roundings.py"]),
    tests(
      "Graphs", on: ["Bytes", "Tensors"],
      scripts: ["make_costs.py", "costs.json", "make_windows.py", "windows.json"]),
    tests("Zip", on: ["Bytes"]),
    tests("Pickle", on: ["Bytes"], scripts: ["make_vectors.py"]),
    tests("HDF5", on: ["Bytes", "Tensors", "HDF5Library", "HDF5Helper"]),
    tests("Checkpoints", on: ["Bytes", "Tensors", "Graphs", "HDF5", "HDF5Helper"]),
    tests("NumPy", on: ["Bytes", "Tensors"], scripts: ["make_arrays.py", "Arrays"]),
    tests("Images", on: ["Bytes", "ResNets"], scripts: ["make_images.py", "Images"]),
    tests("ResNets", on: ["Bytes", "Tensors", "Graphs"]),
    tests("Naming", on: ["Bytes", "Tensors", "Graphs", "ResNets"]),
    tests("Surgery", on: ["Bytes", "Tensors", "Graphs", "ResNets"], scripts: ["make_folded.py", "folded.json"]),
    tests("NativeFormat", on: ["Bytes", "Tensors", "Graphs", "ResNets"]),
    tests(
      "Inference", on: ["Bytes", "Tensors", "Graphs", "ResNets", "Images", "Surgery", "COneDNN"],
      scripts: ["make_operations.py", "Operations"]),
    tests("Resect", on: []),
    tests("ResectCommands", on: ["Resect", "ResectCLI"]),
  ],
  swiftLanguageModes: [.v6]
)
