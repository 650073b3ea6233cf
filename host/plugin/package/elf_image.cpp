#include "plugin/package/elf_image.hpp"

#include "base/problem.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace dispatch::plugin {

namespace {

// More than any plugin has, little enough that a hostile count costs nothing.
constexpr std::uint64_t maxProgramHeaders = 128;
constexpr std::uint64_t maxSections = 4096;
constexpr std::uint64_t maxDynamicEntries = 4096;
constexpr std::uint64_t maxSymbols = 1u << 20;
constexpr std::uint64_t maxNotes = 64, maxBuildIdBytes = 64;

[[noreturn]] void refuse(const std::string& what) {
  throw Problem(Problem::Kind::invalid, "is no usable ELF64 shared object: " + what);
}

/// The file, with every access checked.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : _bytes(bytes) {}

  std::uint64_t size() const { return _bytes.size(); }

  template <class T>
  T at(std::uint64_t offset, const char* what) const {
    T value;
    std::memcpy(&value, range(offset, sizeof value, what).data(), sizeof value);
    return value;
  }

  std::string_view range(std::uint64_t offset, std::uint64_t length, const char* what) const {
    if (offset > _bytes.size() || length > _bytes.size() - offset)
      refuse(std::string(what) + " at offset " + std::to_string(offset) + " with " + std::to_string(length) +
             " bytes lies outside the file of " + std::to_string(_bytes.size()) + " bytes (truncated?)");
    return _bytes.substr(offset, length);
  }

 private:
  std::string_view _bytes;
};

struct Dynamic {
  std::optional<std::uint64_t> strings, symbols, hash, gnuHash;
  std::uint64_t stringsSize = 0;
  std::vector<std::uint64_t> needed, paths, hooks;
};

class Parser {
 public:
  explicit Parser(std::string_view bytes) : _file(bytes) {}

  ElfImage run() {
    header();
    programHeaders();
    sections();
    dynamic();
    names();
    symbols();
    return std::move(_image);
  }

 private:
  void header() {
    const auto ident = _file.range(0, EI_NIDENT, "the ELF identification");
    if (std::memcmp(ident.data(), ELFMAG, SELFMAG) != 0)
      refuse("it does not begin with the ELF magic number");
    if (ident[EI_CLASS] != ELFCLASS64) refuse("it is not of the 64-bit class");
    if (ident[EI_DATA] != ELFDATA2LSB) refuse("it is not little endian");
    _header = _file.at<Elf64_Ehdr>(0, "the ELF header");
    if (_header.e_version != EV_CURRENT) refuse("its ELF version is " + std::to_string(_header.e_version));
    if (_header.e_type != ET_DYN)
      refuse("it is not a shared object (e_type " + std::to_string(_header.e_type) + ")");
    _image.machine = _header.e_machine;
  }

  void programHeaders() {
    if (_header.e_phentsize != sizeof(Elf64_Phdr)) refuse("its program headers have an unknown size");
    if (_header.e_phnum == 0 || _header.e_phnum > maxProgramHeaders)
      refuse("it has " + std::to_string(_header.e_phnum) + " program headers");
    bool stackDeclared = false;
    for (std::uint64_t i = 0; i < _header.e_phnum; ++i) {
      if (_header.e_phoff > _file.size()) refuse("its program headers lie outside the file (truncated?)");
      const auto segment = _file.at<Elf64_Phdr>(_header.e_phoff + i * sizeof(Elf64_Phdr), "a program header");
      if (segment.p_type == PT_LOAD || segment.p_type == PT_DYNAMIC || segment.p_type == PT_TLS)
        _file.range(segment.p_offset, segment.p_filesz, "a segment");
      if (segment.p_type == PT_LOAD) {
        if (segment.p_memsz < segment.p_filesz || segment.p_memsz > (std::uint64_t(1) << 32) ||
            segment.p_vaddr > UINT64_MAX - segment.p_memsz)
          refuse("a segment's size in memory makes no sense");
        if ((segment.p_flags & PF_W) != 0 && (segment.p_flags & PF_X) != 0) _image.writableCode = true;
        _loads.push_back(segment);
      }
      if (segment.p_type == PT_DYNAMIC) {
        if (_dynamicSegment) refuse("it has two dynamic segments");
        _dynamicSegment = segment;
      }
      if (segment.p_type == PT_NOTE) notes(segment);
      if (segment.p_type == PT_INTERP) refuse("it names a program interpreter: it is a program, no library");
      if (segment.p_type == PT_GNU_RELRO) _image.relocationsReadOnly = true;
      if (segment.p_type == PT_GNU_STACK) {
        stackDeclared = true;
        if ((segment.p_flags & PF_X) != 0) _image.executableStack = true;
      }
    }
    if (!stackDeclared) _image.executableStack = true;
    if (_loads.empty()) refuse("it has nothing to load");
  }

  /// A build-id is a label and nothing relies on it: notes that make no sense are none.
  void notes(const Elf64_Phdr& segment) {
    if (segment.p_offset > _file.size() || segment.p_filesz > _file.size() - segment.p_offset) return;
    auto left = _file.range(segment.p_offset, segment.p_filesz, "its notes");
    const std::uint64_t step = segment.p_align == 8 ? 8 : 4;
    const auto padded = [&](std::uint64_t size) { return (size + step - 1) / step * step; };
    for (std::uint64_t i = 0; i < maxNotes && left.size() >= sizeof(Elf64_Nhdr); ++i) {
      Elf64_Nhdr note;
      std::memcpy(&note, left.data(), sizeof note);
      const auto textAt = padded(sizeof note + std::uint64_t{note.n_namesz});  // both sizes have 32 bits
      const auto end = textAt + note.n_descsz;
      if (end > left.size()) return;
      const auto name = left.substr(sizeof note, note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID && name == std::string_view("GNU", 4) &&
          note.n_descsz <= maxBuildIdBytes)
        _image.buildId = hex(left.substr(textAt, note.n_descsz));
      left.remove_prefix(std::min<std::uint64_t>(padded(end), left.size()));
    }
  }

  static std::string hex(std::string_view bytes) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
      const auto value = static_cast<unsigned char>(byte);
      text += digits[value >> 4];
      text += digits[value & 15];
    }
    return text;
  }

  /// Sections are for tools, not for the loader; a table that does not fit is how a truncated file shows.
  void sections() const {
    if (_header.e_shoff == 0) return;
    if (_header.e_shentsize != sizeof(Elf64_Shdr)) refuse("its section headers have an unknown size");
    if (_header.e_shnum > maxSections) refuse("it has too many sections");
    for (std::uint64_t i = 0; i < _header.e_shnum; ++i) {
      if (_header.e_shoff > _file.size()) refuse("its section headers lie outside the file (truncated?)");
      const auto section = _file.at<Elf64_Shdr>(_header.e_shoff + i * sizeof(Elf64_Shdr), "a section header");
      if (section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL)
        _file.range(section.sh_offset, section.sh_size, "a section");
    }
  }

  /// The file offset of `length` bytes that the loader would map at `address`.
  std::uint64_t offsetOf(std::uint64_t address, std::uint64_t length, const char* what) const {
    for (const auto& load : _loads) {
      if (address < load.p_vaddr || address - load.p_vaddr >= load.p_filesz) continue;
      const std::uint64_t inside = address - load.p_vaddr;
      if (length > load.p_filesz - inside) break;
      return load.p_offset + inside;
    }
    refuse(std::string(what) + " lies outside its segments");
  }

  void dynamic() {
    if (!_dynamicSegment) refuse("it has no dynamic segment");
    const std::uint64_t count = _dynamicSegment->p_filesz / sizeof(Elf64_Dyn);
    if (count > maxDynamicEntries) refuse("its dynamic segment has too many entries");
    bool ended = false;
    for (std::uint64_t i = 0; i < count && !ended; ++i) {
      const auto entry =
          _file.at<Elf64_Dyn>(_dynamicSegment->p_offset + i * sizeof(Elf64_Dyn), "a dynamic entry");
      ended = entry.d_tag == DT_NULL;
      take(entry);
    }
    if (!ended) refuse("its dynamic segment has no end");
    // The loader maps by address: where the two disagree, what was read here is not what runs.
    if (offsetOf(_dynamicSegment->p_vaddr, _dynamicSegment->p_filesz, "its dynamic segment") !=
        _dynamicSegment->p_offset)
      refuse("its dynamic segment is not where the loader would find it");
  }

  void take(const Elf64_Dyn& entry) {
    const std::uint64_t value = entry.d_un.d_val;
    switch (entry.d_tag) {
      case DT_NEEDED:
        _dynamic.needed.push_back(value);
        break;
      case DT_RPATH:
      case DT_RUNPATH:
        _dynamic.paths.push_back(value);
        break;
      case DT_AUDIT:
      case DT_DEPAUDIT:
      case DT_FILTER:
      case DT_AUXILIARY:
        _dynamic.hooks.push_back(value);
        break;
      case DT_STRTAB:
        _dynamic.strings = value;
        break;
      case DT_STRSZ:
        _dynamic.stringsSize = value;
        break;
      case DT_SYMTAB:
        _dynamic.symbols = value;
        break;
      case DT_HASH:
        _dynamic.hash = value;
        break;
      case DT_GNU_HASH:
        _dynamic.gnuHash = value;
        break;
      case DT_SYMENT:
        if (value != sizeof(Elf64_Sym)) refuse("its symbols have an unknown size");
        break;
      case DT_TEXTREL:
        _image.textRelocations = true;
        break;
      case DT_BIND_NOW:
        _image.bindsNow = true;
        break;
      case DT_FLAGS:
        if ((value & DF_TEXTREL) != 0) _image.textRelocations = true;
        if ((value & DF_BIND_NOW) != 0) _image.bindsNow = true;
        break;
      case DT_FLAGS_1:
        if ((value & DF_1_NOW) != 0) _image.bindsNow = true;
        break;
      default:
        break;
    }
  }

  void names() {
    if (!_dynamic.strings || _dynamic.stringsSize == 0) refuse("it has no table of names");
    _strings = _file.range(offsetOf(*_dynamic.strings, _dynamic.stringsSize, "its table of names"),
                           _dynamic.stringsSize, "its table of names");
    for (const auto offset : _dynamic.needed) _image.needed.push_back(name(offset));
    for (const auto offset : _dynamic.paths) _image.searchPaths.push_back(name(offset));
    for (const auto offset : _dynamic.hooks) _image.loaderHooks.push_back(name(offset));
  }

  std::string name(std::uint64_t offset) const {
    if (offset >= _strings.size()) refuse("a name lies outside its table of names");
    const auto end = _strings.find('\0', offset);
    if (end == std::string_view::npos) refuse("a name has no end");
    return std::string(_strings.substr(offset, end - offset));
  }

  std::uint32_t word(std::uint64_t address, const char* what) const {
    return _file.at<std::uint32_t>(offsetOf(address, sizeof(std::uint32_t), what), what);
  }

  /// There is no count of dynamic symbols; the loader only ever finds those that a hash table leads to.
  std::uint64_t symbolCount() const {
    std::uint64_t count = 0;
    if (_dynamic.hash) count = word(*_dynamic.hash + 4, "its symbol hash table");
    if (_dynamic.gnuHash) count = std::max(count, gnuSymbolCount(*_dynamic.gnuHash));
    if (count > maxSymbols) refuse("it has too many symbols");
    return count;
  }

  std::uint64_t gnuSymbolCount(std::uint64_t table) const {
    const char* what = "its GNU symbol hash table";
    const std::uint64_t buckets = word(table, what);
    const std::uint64_t first = word(table + 4, what);
    const std::uint64_t bloomWords = word(table + 8, what);
    if (buckets > maxSymbols || bloomWords > maxSymbols) refuse("its GNU symbol hash table makes no sense");
    const std::uint64_t bucketsAt = table + 16 + bloomWords * 8;
    std::uint64_t last = 0;
    for (std::uint64_t i = 0; i < buckets; ++i)
      last = std::max<std::uint64_t>(last, word(bucketsAt + i * 4, what));
    if (last == 0) return first;  // every bucket is empty: nothing can be found
    if (last < first) refuse("its GNU symbol hash table makes no sense");
    const std::uint64_t chains = bucketsAt + buckets * 4;
    while ((word(chains + (last - first) * 4, what) & 1u) == 0)
      if (++last > maxSymbols) refuse("its GNU symbol hash table has no end");
    return last + 1;
  }

  void symbols() {
    if (!_dynamic.symbols || (!_dynamic.hash && !_dynamic.gnuHash))
      refuse("it has no symbols that can be looked up");
    const std::uint64_t count = symbolCount();
    for (std::uint64_t i = 1; i < count; ++i) {
      const auto symbol = _file.at<Elf64_Sym>(
          offsetOf(*_dynamic.symbols + i * sizeof(Elf64_Sym), sizeof(Elf64_Sym), "a symbol"), "a symbol");
      const unsigned binding = ELF64_ST_BIND(symbol.st_info);
      if (symbol.st_shndx == SHN_UNDEF || binding == STB_LOCAL) continue;
      if (binding == STB_GNU_UNIQUE) _image.uniqueSymbols.push_back(name(symbol.st_name));
      const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
      if (visibility == STV_DEFAULT || visibility == STV_PROTECTED)
        _image.exportedSymbols.push_back(name(symbol.st_name));
    }
  }

  Reader _file;
  ElfImage _image;
  Elf64_Ehdr _header{};
  std::vector<Elf64_Phdr> _loads;
  std::optional<Elf64_Phdr> _dynamicSegment;
  Dynamic _dynamic;
  std::string_view _strings;
};

}  // namespace

std::uint16_t ElfImage::hostMachine() {
#if defined(__x86_64__)
  return EM_X86_64;
#elif defined(__aarch64__)
  return EM_AARCH64;
#else
#error "Name this machine's ELF number here, and see that its ABI passes dispatch_str as the others do"
#endif
}

ElfImage ElfImage::parse(std::string_view bytes) { return Parser(bytes).run(); }

}  // namespace dispatch::plugin
