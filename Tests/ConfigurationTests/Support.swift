import Configuration
import Foundation

/// The folder of the vectors and example files.
let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

func fixture(_ name: String) throws -> String {
  try String(contentsOf: fixtures.appending(path: name), encoding: .utf8)
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var number = state
    number = (number ^ number >> 30) &* 0xBF58_476D_1CE4_E5B9
    number = (number ^ number >> 27) &* 0x94D0_49BB_1331_11EB
    return number ^ number >> 31
  }
}

func load(_ text: String, _ environment: [String: String] = [:]) -> LoadedConfiguration {
  ConfigurationLoader().load(text, name: "portside.toml", environment: environment)
}

/// The findings of a text, one line each, without the file's name.
func findings(_ text: String, _ environment: [String: String] = [:]) -> [String] {
  let loaded = load(text, environment)
  return loaded.findings.map { loaded.describe($0).replacing("portside.toml:", with: "") }
}
