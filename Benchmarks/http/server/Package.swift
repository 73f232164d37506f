// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "http-bench-server",
  dependencies: [
    .package(name: "portside", path: "../../.."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
  ],
  targets: [
    .executableTarget(
      name: "http-bench-server",
      dependencies: [
        .product(name: "HTTP", package: "portside"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
