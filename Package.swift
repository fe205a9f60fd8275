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

/// A library target of this package, built strictly.
func floor(
  _ name: String, on dependencies: [Target.Dependency], linking libraries: [LinkerSetting] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, swiftSettings: strict, linkerSettings: libraries)
}

/// The tests of the target `name`, in `Tests/<name>Tests`, beside the scripts that made their fixtures.
func tests(
  _ name: String, on dependencies: [Target.Dependency], scripts: [String] = []
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies,
    exclude: scripts, swiftSettings: strict)
}

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

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
    .executable(name: "resect-hdf5", targets: ["HDF5Helper"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
  ],
  targets: [
    // C libraries: a module map and a shim each, nothing else.
    .systemLibrary(
      name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"]), .brew(["libzip"])]),
    .systemLibrary(
      name: "CDeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .brew(["libdeflate"])]),
    .systemLibrary(
      name: "CCrypto", pkgConfig: "libcrypto",
      providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
    .systemLibrary(
      name: "CHDF5", pkgConfig: hdf5Package,
      providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg",
      providers: [.apt(["libturbojpeg0-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(
      name: "CSpng", pkgConfig: "spng", providers: [.apt(["libspng-dev"]), .brew(["libspng"])]),
    // C of our own: what Swift cannot call or compile.
    .target(name: "CPosix"),
    .target(name: "CTensorKernels"),
    .target(name: "COneDNN"),
    .target(name: "CEntropyCoding"),

    // The ground floor, then two chains that meet only in Resect: containers and networks.
    floor("Bytes", on: ["CPosix", "CDeflate", "CCrypto"]),
    floor("Tensors", on: ["Bytes", "CTensorKernels"]),

    floor("Zip", on: ["Bytes", "CZip"]),
    floor("Pickle", on: ["Bytes"]),
    floor("HDF5", on: ["Bytes", "Tensors"]),
    floor("HDF5Library", on: ["Bytes", "Tensors", "HDF5", "CHDF5"], linking: hdf5Libraries),
    .executableTarget(
      name: "HDF5Helper", dependencies: ["HDF5Library"], swiftSettings: strict),
    floor("Checkpoints", on: ["Bytes", "Tensors", "Zip", "Pickle", "HDF5"]),

    floor("ResNets", on: ["Bytes", "Tensors"]),
    floor("Images", on: ["Bytes", "ResNets", "CTurboJPEG", "CSpng"]),
    floor("NumPy", on: ["Bytes", "Tensors"]),
    floor("Naming", on: ["Bytes", "Tensors", "ResNets"]),
    floor("Surgery", on: ["Bytes", "Tensors", "ResNets"]),
    floor("NativeFormat", on: ["Bytes", "Tensors", "ResNets", "CEntropyCoding"]),

    floor("Inference", on: ["Bytes", "Tensors", "ResNets", "Surgery", "COneDNN"]),

    floor(
      "Resect",
      on: [
        "Bytes", "Tensors", "HDF5", "Checkpoints", "ResNets", "Naming", "Surgery", "NativeFormat", "Inference",
        "Images",
        "NumPy",
      ]),

    // The command line.
    floor("ResectCommands", on: ["Resect", argumentParser]),
    .executableTarget(
      name: "ResectCLI", dependencies: ["ResectCommands"], swiftSettings: strict),

    .target(
      name: "TestSupport", dependencies: ["Bytes", "Tensors", "ResNets"], path: "Tests/Support",
      swiftSettings: strict),
    tests("Bytes", on: []),
    tests("Tensors", on: ["Bytes"]),
    tests("Zip", on: ["Bytes"]),
    tests("Pickle", on: ["Bytes"], scripts: ["make_vectors.py"]),
    tests("HDF5", on: ["Bytes", "Tensors", "HDF5Library", "HDF5Helper"]),
    tests("Checkpoints", on: ["Bytes", "Tensors", "HDF5", "HDF5Helper"]),
    tests("NumPy", on: ["Bytes", "Tensors"], scripts: ["make_arrays.py", "Arrays"]),
    tests("Images", on: ["Bytes", "ResNets"], scripts: ["make_images.py", "Images"]),
    tests("ResNets", on: ["Bytes", "Tensors"]),
    tests("Naming", on: ["Bytes", "Tensors", "ResNets"]),
    tests("Surgery", on: ["Bytes", "Tensors", "ResNets"]),
    tests("NativeFormat", on: ["Bytes", "Tensors", "ResNets"]),
    tests("Inference", on: ["Bytes", "Tensors", "ResNets", "Images", "Surgery"]),
    tests("Resect", on: []),
    tests("ResectCommands", on: ["Resect", "ResectCLI"]),
  ],
  swiftLanguageModes: [.v6]
)
