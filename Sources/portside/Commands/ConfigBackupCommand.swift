import ArgumentParser
import Configuration
import Foundation

/// `portside config-backup`: the configurations that devices have saved by TFTP.
struct ConfigBackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config-backup", abstract: "Devices' saved configurations: list, show, diff, restore.",
    subcommands: [List.self, Show.self, Diff.self, Restore.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Every device's files and their versions, the oldest first.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Only this device.") var device: String?
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
      let versions = try BackupFolder(try options.load()).versions().filter { device == nil || $0.device == device }
      if json { return try Terminal.print(json: versions) }
      var table = Table("device", "file", "version", "bytes")
      for version in versions { table.add(version.device, version.file, version.version, String(version.bytes)) }
      Terminal.print(table.text)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "A version's content, on standard output.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The device.") var device: String
    @Argument(help: "The file.") var file: String
    @Argument(help: "The version; absent: the newest.") var version: String?

    func run() async throws {
      let folder = try BackupFolder(try options.load())
      FileHandle.standardOutput.write(try folder.content(try folder.find(device, file, version)))
    }
  }

  struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "diff", abstract: "What changed between two versions, line by line.",
      discussion:
        "Without versions: between the newest and the one before. Exit code 1 when they differ, as diff(1) has it.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The device.") var device: String
    @Argument(help: "The file.") var file: String
    @Argument(help: "The older version.") var old: String?
    @Argument(help: "The newer one; absent: the newest.") var new: String?

    func run() async throws {
      let folder = try BackupFolder(try options.load())
      let newer = try folder.find(device, file, new)
      let older = try old.map { try folder.find(device, file, $0) } ?? folder.before(newer)
      let lines = LineDifference.lines(
        from: String(decoding: try folder.content(older), as: UTF8.self),
        to: String(decoding: try folder.content(newer), as: UTF8.self))
      if lines.isEmpty { return }
      Terminal.print((["--- \(older.version)", "+++ \(newer.version)"] + lines).joined(separator: "\n"))
      throw ExitCode(1)
    }
  }

  struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "restore", abstract: "Put a version where the device can read it by TFTP.",
      discussion:
        "It becomes FILE in the folder of `tftp.read`, or another name there. What is there already is not replaced.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The device.") var device: String
    @Argument(help: "The file.") var file: String
    @Argument(help: "The version; absent: the newest.") var version: String?
    @Option(name: .customLong("as"), help: "Its name for the device; absent: as it was written.") var name: String?

    func run() async throws {
      let configuration = try options.load()
      let folder = try BackupFolder(configuration)
      let found = try folder.find(device, file, version)
      guard let root = configuration.tftp.read?.description else { throw CommandFailure("tftp.read names no folder") }
      let target = name ?? file
      guard !target.contains("/"), target != "..", target != ".", !target.isEmpty else {
        throw ValidationError("'\(target)' is no file name")
      }
      let path = "\(root)/\(target)"
      do { try folder.content(found).write(to: URL(fileURLWithPath: path), options: .withoutOverwriting) } catch {
        throw CommandFailure("\(path) is there already, or can't be written: remove it, or give another name by --as")
      }
      chmod(path, 0o644)
      Terminal.print("\(found.version) of \(device) is \(target) for TFTP")
    }
  }
}

/// The versions below the folder of `tftp.write`: `DEVICE/FILE/TIME`.
struct BackupFolder {
  struct Version: Encodable {
    var device: String
    var file: String
    var version: String
    var bytes: Int
    var path: String

    enum CodingKeys: String, CodingKey { case device, file, version, bytes }
  }

  private let before: String
  private let after: String

  init(_ configuration: PortsideConfiguration) throws {
    guard let template = configuration.tftp.write?.description, let mark = template.firstRange(of: "{device}") else {
      throw CommandFailure("tftp.write names no folder")
    }
    before = String(template[..<mark.lowerBound])
    after = String(template[mark.upperBound...])
  }

  /// All of them, by device, file and time.
  func versions() throws -> [Version] {
    let slash = before.lastIndex(of: "/") ?? before.startIndex
    let (base, prefix) = (String(before[..<slash]), before[before.index(after: slash)...])
    let manager = FileManager.default
    var found: [Version] = []
    for entry in try manager.contentsOfDirectory(atPath: base.isEmpty ? "/" : base).sorted()
    where entry.hasPrefix(prefix) {
      let folder = "\(base)/\(entry)\(after)"
      for file in (try? manager.contentsOfDirectory(atPath: folder))?.sorted() ?? [] {
        for version in (try? manager.contentsOfDirectory(atPath: "\(folder)/\(file)"))?.sorted() ?? []
        where !version.hasPrefix(".") {
          let path = "\(folder)/\(file)/\(version)"
          let size = (try? manager.attributesOfItem(atPath: path))?[.size] as? Int ?? 0
          found.append(
            Version(
              device: String(entry.dropFirst(prefix.count)), file: file, version: version, bytes: size, path: path))
        }
      }
    }
    return found
  }

  /// A version; the newest without a name.
  func find(_ device: String, _ file: String, _ version: String?) throws -> Version {
    let all = try versions().filter { $0.device == device && $0.file == file }
    guard let found = version.map({ name in all.first { $0.version == name } }) ?? all.last else {
      throw CommandFailure("no such version; portside config-backup list \(device)")
    }
    return found
  }

  /// The version before another.
  func before(_ version: Version) throws -> Version {
    let all = try versions().filter { $0.device == version.device && $0.file == version.file }
    guard let index = all.firstIndex(where: { $0.version == version.version }), index > 0 else {
      throw CommandFailure("there is no version before \(version.version)")
    }
    return all[index - 1]
  }

  func content(_ version: Version) throws -> Data {
    guard let content = FileManager.default.contents(atPath: version.path) else {
      throw CommandFailure("\(version.path) can't be read")
    }
    return content
  }
}

/// Lines that went (`-`) and came (`+`), with two lines of what stayed around them.
enum LineDifference {
  static func lines(from old: String, to new: String) -> [String] {
    let (before, after) = (split(old), split(new))
    let difference = after.difference(from: before)
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    for change in difference {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    var marked: [(mark: String, text: String)] = []
    var (left, right) = (0, 0)
    while left < before.count || right < after.count {
      if removed.contains(left) {
        marked.append(("-", before[left]))
        left += 1
      } else if inserted.contains(right) {
        marked.append(("+", after[right]))
        right += 1
      } else {
        if left < before.count { marked.append((" ", before[left])) }
        left += 1
        right += 1
      }
    }
    return context(marked)
  }

  private static func split(_ text: String) -> [String] {
    // A line end at the end begins no further line.
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
    return lines.last == "" ? lines.dropLast() : lines
  }

  private static func context(_ marked: [(mark: String, text: String)]) -> [String] {
    let changes = marked.indices.filter { marked[$0].mark != " " }
    var wanted: Set<Int> = []
    for change in changes { wanted.formUnion(max(0, change - 2)...min(marked.count - 1, change + 2)) }
    var lines: [String] = []
    var last = -1
    for index in wanted.sorted() {
      if index != last + 1 { lines.append("@@ line \(index + 1) @@") }
      lines.append(marked[index].mark + marked[index].text)
      last = index
    }
    return lines
  }
}
