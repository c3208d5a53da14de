// A model directory as a whole: what may be in one, and how a new one takes the place of an old one.
#pragma once

#include <string>

#include "checkpoint/file.h"
#include "steelyard/status.h"

namespace steelyard::checkpoint {

/// True for a name that a model directory may contain.
bool IsModelFileName(const std::string& name);

/// The path that a model saved as `directory` is written to: links resolved, no slash at the end.
/// Errors: kInvalidArgument  `directory` exists and is neither empty nor a model: it would be lost. Nothing that a
///                           model does not consist of is ever removed.
///         kNotFound         its parent does not exist.
Result<std::string> ResolveModelPath(const std::string& directory);

/// Create the directory beside `target` into which this process writes the next model, and remove those that killed
/// processes have left. The directory is locked while the descriptor is open: that is how the others are told apart.
/// Errors: kInvalidArgument  this process is saving that model already; kIoError.
Result<Descriptor> CreateTemporary(const std::string& target, std::string& path);

/// Put the complete directory `fresh` in the place of `target`, atomically where the file system can exchange two
/// names, and remove what stood there. Both have the same parent.
Status ReplaceModel(const std::string& fresh, const std::string& target);

/// Remove a model directory and the model's files in it; one that is not there is fine.
Status RemoveModel(const std::string& directory);

}  // namespace steelyard::checkpoint
