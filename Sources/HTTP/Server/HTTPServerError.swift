import Glibc

/// Why a server can't do what its configuration says.
public struct HTTPServerError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable, Hashable {
    /// The directory of a site can't be opened.
    case directory(String)
    /// Two sites have the same name.
    case duplicateName(String)
    /// What stands as a site's name is none.
    case malformedName(String)
    /// The default site is none of the sites.
    case unknownDefault(String)
    /// The servers behind a proxied site can't be used as configured.
    case upstream(String)
  }

  public let code: Code
  /// The system's error number, or 0.
  public let errno: Int32

  init(_ code: Code, errno: Int32 = 0) {
    self.code = code
    self.errno = errno
  }

  public var description: String {
    switch code {
    case .directory(let path): "site directory '\(path)' can't be opened: \(String(cString: strerror(errno)))"
    case .duplicateName(let name): "two sites are named '\(name)'"
    case .malformedName(let name): "'\(name)' is no name for a site"
    case .upstream(let reason): "the upstreams of a site can't be used: \(reason)"
    case .unknownDefault(let name): "the default site '\(name)' does not exist"
    }
  }
}
