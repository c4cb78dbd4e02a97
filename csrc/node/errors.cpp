#include "node/errors.hpp"

#include <cctype>
#include <exception>
#include <iterator>
#include <new>

#include "node/arrays.hpp"

namespace jumpout::node {

namespace {

std::string sentenceOf(const std::string& expected, const std::string& argument, const std::string& got) {
  return "Expected " + expected + " for " + argument + ", got " + got;
}

Failure internal(const char* sentence) { return {ErrorClass::kError, "ERR_INTERNAL", sentence}; }

napi_value textOf(napi_env env, const char* text) {
  napi_value result;
  check(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result));
  return result;
}

const char* nameOf(ErrorClass errorClass) {
  switch (errorClass) {
    case ErrorClass::kTypeError: return "TypeError";
    case ErrorClass::kRangeError: return "RangeError";
    case ErrorClass::kCudaError: return "CudaError";
    case ErrorClass::kError: break;
  }
  return "Error";
}

// nullptr: there is no such method, as where the addon is loaded without lib.
napi_value methodOf(napi_env env, napi_value receiver) {
  napi_value method;
  napi_valuetype type;
  if (receiver == nullptr || napi_get_named_property(env, receiver, "makeError", &method) != napi_ok)
    return nullptr;
  check(napi_typeof(env, method, &type));
  return type == napi_function ? method : nullptr;
}

Failure cudaFailure(const jumpout_cuda_error& error, const std::string& sentence) {
  return {ErrorClass::kCudaError, "ERR_CUDA", sentence, error};
}

// What CUDA itself says where a device fails.
Failure failureOfDevice(const jumpout_cuda_error& error) {
  std::string sentence =
      std::string(error.name) + " (" + std::to_string(error.number) + "): " + std::string(error.text);
  if (error.sticky != 0) sentence += "; the device is lost to this process";
  return cudaFailure(error, sentence);
}

// options.p_min is options.pMin in JavaScript.
std::string inCamelCase(const char* field) {
  std::string name;
  bool upper = false;
  for (; *field != '\0'; ++field) {
    if (*field == '_') {
      upper = true;
      continue;
    }
    name += static_cast<char>(upper ? std::toupper(static_cast<unsigned char>(*field)) : *field);
    upper = false;
  }
  return name;
}

std::string argumentOf(const std::string& field, const ArgumentNames& names) {
  for (const ArgumentNames::Pair& pair : names.pairs) {
    if (field == pair.field) return pair.argument;
  }
  if (field.starts_with("layout.")) return "options.shape";
  return field.starts_with("options.") ? inCamelCase(field.c_str()) : names.all;
}

}  // namespace

Failure wrongType(const char* expected, const char* argument) {
  return {ErrorClass::kTypeError, "ERR_INVALID_ARG_TYPE", sentenceOf(expected, argument, "something else")};
}

Failure outOfMemory(const char* what) {
  return {ErrorClass::kRangeError, "ERR_OUT_OF_MEMORY", sentenceOf("enough free memory", what, "too little")};
}

Failure wrongValue(const std::string& expected, const std::string& argument, const std::string& got) {
  return {ErrorClass::kTypeError, "ERR_INVALID_ARG_VALUE", sentenceOf(expected, argument, got)};
}

Failure wrongState(const char* expected, const char* argument, const char* got) {
  return {ErrorClass::kError, "ERR_INVALID_STATE", sentenceOf(expected, argument, got)};
}

Failure wrongDevice(const char* what, int32_t expected, const char* argument, int32_t got) {
  return wrongValue(what + (" of device " + std::to_string(expected)), argument,
                    "one of device " + std::to_string(got));
}

Outcome outcomeOf(jumpout_status status) {
  if (status == JUMPOUT_OK) return {};
  Outcome outcome{status, jumpout_status_field(), {}};
  if (status == JUMPOUT_CUDA_ERROR) outcome.cuda = jumpout_last_cuda_error();
  return outcome;
}

Failure failureOf(const Outcome& outcome, const ArgumentNames& names) {
  if (outcome.status == JUMPOUT_CUDA_ERROR) return failureOfDevice(outcome.cuda);
  return failureOf(outcome.status, argumentOf(outcome.field, names).c_str());
}

Failure failureOf(jumpout_status status, const char* argument) {
  switch (status) {
    case JUMPOUT_NULL_POINTER:
      return {ErrorClass::kTypeError, "ERR_INVALID_ARG_TYPE",
              sentenceOf("all arrays", argument, "one without memory")};
    case JUMPOUT_BAD_LENGTH:
      return {ErrorClass::kRangeError, "ERR_OUT_OF_RANGE",
              sentenceOf("lengths that fit each other", argument, "lengths that do not")};
    case JUMPOUT_BAD_OPTION:
      return {ErrorClass::kRangeError, "ERR_OUT_OF_RANGE",
              sentenceOf("numbers in their ranges", "options", "one outside its range")};
    case JUMPOUT_OVERLAP:
      return {ErrorClass::kTypeError, "ERR_INVALID_ARG_VALUE",
              sentenceOf("the same memory or memory apart", argument, "arrays that overlap in part")};
    case JUMPOUT_MISALIGNED:
      return {ErrorClass::kTypeError, "ERR_INVALID_ARG_VALUE",
              sentenceOf("memory aligned to its elements", argument, "a misaligned array")};
    case JUMPOUT_OUT_OF_MEMORY: return outOfMemory("this call");
    case JUMPOUT_BAD_ENVIRONMENT:
      return {ErrorClass::kError, "ERR_BAD_ENVIRONMENT", jumpout_status_text(status)};
    case JUMPOUT_NO_CUDA:
      return cudaFailure({100, "cudaErrorNoDevice", "", 0},
                         std::string("CUDA is not available: ") + jumpout_status_text(status));
    case JUMPOUT_BAD_DEVICE: return wrongValue("one device, and one that exists,", argument, "another");
    case JUMPOUT_NOT_ON_DEVICE: return wrongValue("memory of a CUDA device", argument, "other memory");
    case JUMPOUT_CAPTURING:
      return cudaFailure({900, "cudaErrorStreamCaptureUnsupported", "", 0},
                         std::string("cudaErrorStreamCaptureUnsupported (900): ") + argument +
                             " would have to wait for a stream that is being captured");
    case JUMPOUT_CUDA_ERROR: return failureOfDevice(jumpout_last_cuda_error());
    case JUMPOUT_OK: break;
  }
  return internal(jumpout_status_text(status));
}

napi_value receiverOf(napi_env env, napi_callback_info info) noexcept {
  napi_value receiver = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, &receiver, nullptr);
  return receiver;
}

napi_value makeError(napi_env env, napi_value receiver, const Failure& failure) {
  napi_value error;
  const napi_value code = textOf(env, failure.code), sentence = textOf(env, failure.sentence.c_str());
  const napi_value method = methodOf(env, receiver);
  if (method == nullptr) {
    check(napi_create_error(env, code, sentence, &error));
    return error;
  }
  napi_value sticky;
  check(napi_get_boolean(env, failure.cuda.sticky != 0, &sticky));
  const napi_value arguments[] = {textOf(env, nameOf(failure.errorClass)),
                                  code,
                                  sentence,
                                  textOf(env, failure.cuda.name == nullptr ? "" : failure.cuda.name),
                                  makeNumber(env, failure.cuda.number),
                                  sticky};
  check(napi_call_function(env, receiver, method, std::size(arguments), arguments, &error));
  return error;
}

void throwCaught(napi_env env, napi_value receiver) noexcept {
  const auto raise = [&](const Failure& failure) {
    check(napi_throw(env, makeError(env, receiver, failure)));
  };
  try {
    try {
      throw;
    } catch (const Failure& failure) {
      raise(failure);
    } catch (const PendingFailure&) {
      bool pending = false;
      if (napi_is_exception_pending(env, &pending) != napi_ok || !pending)
        raise(internal("a call of Node-API failed"));
    } catch (const std::bad_alloc&) {
      raise(outOfMemory("this call"));
    } catch (const std::exception&
                 exception) {  // Napi::Error too, which is the engine's and not of the caller's realm
      raise(internal(exception.what()));
    }
  } catch (...) {
    // Not even an error can be made (a worker that is being terminated): there is nobody left to tell.
  }
}

}  // namespace jumpout::node
