// swift-tools-version: 6.1
import PackageDescription

/// The fuzzer's own package: libFuzzer's `main` around the targets in `FuzzTargets`, which the root package builds too
/// (`Tests/FuzzRegressionTests`). `Fuzz/run` builds it with the flags that it needs.
let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "portside", path: "..")],
  targets: [
    .systemLibrary(name: "CFuzzer", path: "Sources/CFuzzer"),
    .executableTarget(
      name: "Fuzz", dependencies: ["CFuzzer", .product(name: "FuzzTargets", package: "portside")],
      path: "Sources/Fuzz"),
  ],
  swiftLanguageModes: [.v6]
)
