// Runs the corpus of a fuzz target through it, without a fuzzer: each input is a test.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// Arguments: files of inputs; default: the corpus.
int main(int count, char** arguments) {
  std::vector<std::filesystem::path> files(arguments + 1, arguments + count);
  if (files.empty())
    for (const auto& entry : std::filesystem::directory_iterator(JUMPOUT_CORPUS))
      files.push_back(entry.path());
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
    std::printf("%s\n", path.filename().c_str());  // the last one where the target ends the process
    std::fflush(stdout);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
  std::printf("%zu inputs replayed from " JUMPOUT_CORPUS "\n", files.size());
  return files.empty();
}
