import Foundation
import FuzzTargets
import Testing

/// Every seed and every input that once broke something, through its target; without the fuzzer's runtime.
@Suite struct FuzzRegressionTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fuzz")

  private static func files(of target: FuzzTarget) throws -> [URL] {
    try ["Corpus", "Regressions"].flatMap { folder -> [URL] in
      let path = root.appending(path: folder).appending(path: target.name)
      guard FileManager.default.fileExists(atPath: path.path) else { return [] }
      return try FileManager.default.contentsOfDirectory(at: path, includingPropertiesForKeys: nil)
        .sorted { $0.path < $1.path }
    }
  }

  @Test(arguments: FuzzTarget.all.map(\.name)) func seedsAndRegressions(_ name: String) throws {
    let target = try #require(FuzzTarget.named(name))
    let files = try Self.files(of: target)
    #expect(!files.isEmpty, "a target without a seed: write one in Fuzz/make-seeds")
    for file in files {
      let input = Array(try Data(contentsOf: file))
      #expect(throws: Never.self, "\(name): \(target.invariant) Broken by \(file.lastPathComponent)") {
        try target.run(input)
      }
    }
  }

  /// Short inputs, and a few of one octet over and over, need no seed.
  @Test(arguments: FuzzTarget.all.map(\.name)) func plainInputs(_ name: String) throws {
    let target = try #require(FuzzTarget.named(name))
    try target.run([])
    for octet in 0...255 as ClosedRange<UInt8> {
      #expect(throws: Never.self, "\(name) with \(octet)") {
        try target.run([octet])
        try target.run([UInt8](repeating: octet, count: 40))
      }
    }
  }

  @Test func everyFolderHasATarget() throws {
    for folder in ["Corpus", "Regressions"] {
      let path = Self.root.appending(path: folder).path
      guard FileManager.default.fileExists(atPath: path) else { continue }
      for name in try FileManager.default.contentsOfDirectory(atPath: path) {
        #expect(FuzzTarget.named(name) != nil, "\(folder)/\(name)")
      }
    }
  }

  @Test func namesAreUnique() {
    #expect(Set(FuzzTarget.all.map(\.name)).count == FuzzTarget.all.count)
  }
}
