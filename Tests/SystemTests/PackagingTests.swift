import Foundation
import LaboratoryKit
import Testing

/// What goes into the Debian package, as far as it can be looked at without a release build (`make package`).
@Suite(.timeLimit(.minutes(2))) struct PackagingTests {
  private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
  private static let debian = "\(repository)/Packaging/debian"

  @Test func theManualPagesAreWellFormedAndNameEveryCommand() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "manual-\(UInt32.random(in: 0...9_999_999))")
    defer { try? FileManager.default.removeItem(at: folder) }
    let made = try await run(
      "\(Self.repository)/Packaging/manual", [Laboratory.program, "\(Self.repository)/docs", folder.path])
    #expect(made.code == 0, "\(made.all)")
    for page in ["portside.1", "portside.toml.5"] {
      let shown = try await run(
        "man", ["--warnings", "-l", "\(folder.path)/\(page)"], environment: ["MANWIDTH": "100", "LC_ALL": "C.UTF-8"])
      #expect(shown.code == 0 && shown.errors.isEmpty, "\(page): \(shown.errors)")
    }
    let program = try String(contentsOfFile: "\(folder.path)/portside.1", encoding: .utf8)
    for command in ["serve", "try", "check", "backup restore", "mailbox import", "zone check"] {
      #expect(program.contains(".SS portside \(command)\n"), "\(command)")
    }
    let configuration = try String(contentsOfFile: "\(folder.path)/portside.toml.5", encoding: .utf8)
    #expect(configuration.contains("[dhcp]") && configuration.contains("max_size"))
  }

  @Test func theServiceIsConfined() async throws {
    let exposure = try await run(
      "systemd-analyze",
      ["security", "--offline=true", "--no-pager", "--threshold=20", "\(Self.debian)/portside.service"])
    #expect(exposure.code == 0, "\(exposure.output.suffix(200))")
  }

  @Test func theProfileOfAppArmorParses() async throws {
    let parsed = try await run("apparmor_parser", ["-Q", "-K", "\(Self.debian)/usr.bin.portside"])
    #expect(parsed.code == 0, "\(parsed.all)")
  }

  @Test(arguments: ["postinst", "prerm", "postrm"]) func theScriptsParse(_ script: String) async throws {
    #expect(try await run("sh", ["-n", "\(Self.debian)/\(script)"]).code == 0)
  }

  /// What the package installs is a configuration that can be started as it is.
  @Test func theConfigurationIsValid() async throws {
    let checked = try await run(
      Laboratory.program, ["config", "check", "--config", "\(Self.debian)/portside.toml"])
    #expect(checked.code == 0, "\(checked.all)")
  }
}
