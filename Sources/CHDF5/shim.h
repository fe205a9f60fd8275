// libhdf5's macros and versioned names, which Swift does not import.
#pragma once

// The calls by the names and types of 1.10, whatever version is installed.
#define H5_USE_110_API
#if __has_include(<hdf5/serial/hdf5.h>)
#include <hdf5/serial/hdf5.h>
#include <hdf5/serial/hdf5_hl.h>
#else
#include <hdf5.h>
#include <hdf5_hl.h>
#endif

/// H5P_DEFAULT, H5E_DEFAULT and H5S_ALL are casts, which Swift does not import.
static const hid_t CHDF5_DEFAULT = 0;

/// HADDR_UNDEF is a cast.
static const haddr_t CHDF5_NO_ADDRESS = (haddr_t)(-1);

/// H5Literate and its types are macros in later versions.
static inline herr_t CHDF5_links(hid_t group, H5L_iterate_t visit, void *context) {
  hsize_t start = 0;
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &start, visit, context);
}

/// The address in the file is a member of a union without a name.
static inline haddr_t CHDF5_link_address(const H5L_info_t *link) { return link->u.address; }

/// How many bytes a soft link's target has, its terminator included: a member of a union, too.
static inline size_t CHDF5_link_value_size(const H5L_info_t *link) { return link->u.val_size; }

/// H5Oget_info is a macro, and by default it counts all that an object takes.
static inline haddr_t CHDF5_address(hid_t object) {
  H5O_info_t info;
  return H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0 ? CHDF5_NO_ADDRESS : info.addr;
}

/// H5Ewalk2 wants a type whose name is a macro.
typedef herr_t (*CHDF5_error_visitor)(unsigned depth, const H5E_error2_t *error, void *context);
static inline herr_t CHDF5_errors(CHDF5_error_visitor visit, void *context) {
  return H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, context);
}
