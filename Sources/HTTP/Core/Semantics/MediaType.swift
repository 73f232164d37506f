/// Media types by file name (RFC 9110 §8.3). Texts are declared as UTF-8.
public enum MediaType {
  /// The type for a file's name; `application/octet-stream` when the extension is none that we know.
  public static func forFile(named name: some StringProtocol) -> StaticString {
    guard let dot = name.lastIndex(of: ".") else { return unknown }
    return forExtension(name[name.index(after: dot)...].lowercased())
  }

  static var unknown: StaticString { "application/octet-stream" }

  private static func forExtension(_ name: String) -> StaticString {
    switch name {
    case "html", "htm": "text/html; charset=utf-8"
    case "css": "text/css; charset=utf-8"
    case "js", "mjs": "text/javascript; charset=utf-8"
    case "txt", "text", "log", "conf", "ini", "ipxe": "text/plain; charset=utf-8"
    case "md": "text/markdown; charset=utf-8"
    case "csv": "text/csv; charset=utf-8"
    case "ics": "text/calendar; charset=utf-8"
    case "vcf": "text/vcard; charset=utf-8"
    case "xml", "xsl", "xsd": "application/xml"
    case "xhtml": "application/xhtml+xml"
    case "json", "map": "application/json"
    case "jsonld": "application/ld+json"
    case "webmanifest": "application/manifest+json"
    case "atom": "application/atom+xml"
    case "rss": "application/rss+xml"
    case "wasm": "application/wasm"
    default: forImageOrMedia(name)
    }
  }

  private static func forImageOrMedia(_ name: String) -> StaticString {
    switch name {
    case "svg": "image/svg+xml"
    case "png": "image/png"
    case "jpg", "jpeg": "image/jpeg"
    case "gif": "image/gif"
    case "webp": "image/webp"
    case "avif": "image/avif"
    case "jxl": "image/jxl"
    case "ico": "image/vnd.microsoft.icon"
    case "bmp": "image/bmp"
    case "tif", "tiff": "image/tiff"
    case "woff": "font/woff"
    case "woff2": "font/woff2"
    case "ttf": "font/ttf"
    case "otf": "font/otf"
    case "mp3": "audio/mpeg"
    case "ogg", "oga", "opus": "audio/ogg"
    case "flac": "audio/flac"
    case "wav": "audio/wav"
    case "m4a": "audio/mp4"
    case "mp4", "m4v": "video/mp4"
    case "webm": "video/webm"
    case "mov": "video/quicktime"
    case "mpeg", "mpg": "video/mpeg"
    default: forArchiveOrDocument(name)
    }
  }

  private static func forArchiveOrDocument(_ name: String) -> StaticString {
    switch name {
    case "pdf": "application/pdf"
    case "zip": "application/zip"
    case "gz", "tgz": "application/gzip"
    case "bz2": "application/x-bzip2"
    case "xz": "application/x-xz"
    case "zst": "application/zstd"
    case "tar": "application/x-tar"
    case "7z": "application/x-7z-compressed"
    case "iso": "application/x-iso9660-image"
    case "deb": "application/vnd.debian.binary-package"
    case "rpm": "application/x-rpm"
    case "epub": "application/epub+zip"
    case "rtf": "application/rtf"
    case "doc": "application/msword"
    case "xls": "application/vnd.ms-excel"
    case "ppt": "application/vnd.ms-powerpoint"
    case "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    case "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    case "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    case "odt": "application/vnd.oasis.opendocument.text"
    case "ods": "application/vnd.oasis.opendocument.spreadsheet"
    case "eml": "message/rfc822"
    case "pem", "crt", "cer": "application/x-x509-ca-cert"
    case "crl": "application/pkix-crl"
    case "p12", "pfx": "application/x-pkcs12"
    case "mobileconfig": "application/x-apple-aspen-config"
    default: unknown
    }
  }
}
