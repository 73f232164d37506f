// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "dns-bench-server",
  dependencies: [
    .package(name: "portside", path: "../../.."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    .executableTarget(
      name: "dns-bench-server",
      dependencies: [
        .product(name: "DNS", package: "portside"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
